"""Makes what Binder opens while its image is built: GalaxyMNIST with a first order, or the simulated survey.

The download of GalaxyMNIST may fail, on a BinderHub without a way out or when its host is down; the demo of
simulated galaxies needs none. What was made is written as variables that ``anomalymatch_ui.launch()`` reads.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from anomalymatch_ui.app.serving.environment import Wanted
from anomalymatch_ui.demo import search_galaxies, survey
from anomalymatch_ui.errors import InputError

VARIABLES = Path(os.environ.get("HOME", "~")).expanduser() / ".anomalymatch-binder"
"""Read by ``binder/start``."""


def survey_to_open() -> Wanted:
    """Return the images, labels and session of GalaxyMNIST, or of the simulated survey without a network."""
    try:
        made = search_galaxies()
    except InputError as error:
        print(f"{error} The simulated survey is opened instead.", file=sys.stderr)
        made = survey()
    return Wanted(made.images, made.labels, made.session)


def prepare(wanted: Wanted, variables: Path) -> None:
    """Look at all images, so that the first page has an order, and write what is to be opened.

    Parameters
    ----------
    wanted
        Images, labels and session.
    variables
        A file of lines that a shell reads.
    """
    with wanted.open() as session:
        session.rank(wait=True)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in wanted.environment().items()]
    variables.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    prepare(survey_to_open(), VARIABLES)
