"""Ask PyPI for known faults of the packages that are installed (``make audit``), and fail where it is silent.

``python tests/auditing.py [NAME==VERSION …]``. Ends with 0 only if PyPI has answered for every package and
knows no fault of any; with 1 where it knows some, and with 2 where it has not answered.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_NAMED = 5
"""Packages that a sentence names."""


class NoAnswerError(Exception):
    """The packages could not be looked up; the message is a sentence."""


def installed() -> list[str]:
    """Return the packages of this environment as ``NAME==VERSION``, but for those that are edited in place.

    What a build adds to a version, as in ``2.9.1+cpu``, is left out: PyPI knows the version itself.
    """
    listing = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable"]
    lines = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.partition("+")[0] for line in lines if "==" in line]


def faults(packages: Sequence[str]) -> list[str]:
    """Return what PyPI knows of some packages, a line a fault.

    Raises
    ------
    NoAnswerError
        If it has not answered for all of them.
    """
    with tempfile.TemporaryDirectory() as name:
        asked, told = Path(name) / "asked.txt", Path(name) / "told.json"
        asked.write_text("\n".join(packages) + "\n")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--requirement",
            str(asked),
            "--no-deps",
            "--disable-pip",
        ]
        command += [
            "--cache-dir",
            name,
            "--progress-spinner",
            "off",
            "--format",
            "json",
            "--output",
            str(told),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if not told.is_file():
            said = ended.stderr.strip().splitlines() or [f"pip-audit ended with {ended.returncode}"]
            raise NoAnswerError(
                f"None of the {len(packages):,} packages could be looked up on PyPI ({said[-1][:200]}), so "
                "nothing is known of their faults. Try again where pypi.org can be reached."
            )
        found: list[dict[str, Any]] = json.loads(told.read_text())["dependencies"]
    answered = {package["name"] for package in found if "skip_reason" not in package}
    lacking = [line for line in packages if _canonical(line.partition("==")[0]) not in answered]
    if lacking:
        few = ", ".join(lacking[:_NAMED]) + (" …" if len(lacking) > _NAMED else "")
        raise NoAnswerError(
            f"PyPI told nothing of {len(lacking):,} of {len(packages):,} packages ({few}), so nothing "
            "is known of their faults. Try again where pypi.org can be reached, or look them up by hand."
        )
    return [
        f"{package['name']} {package['version']}: {fault['id']}, "
        f"mended in {' or '.join(fault['fix_versions']) or 'no version'}"
        for package in found
        for fault in package["vulns"]
    ]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Run from the command line."""
    packages = sys.argv[1:] or installed()
    try:
        found = faults(packages)
    except NoAnswerError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(found) or f"PyPI knows no fault of the {len(packages):,} packages that are installed.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
