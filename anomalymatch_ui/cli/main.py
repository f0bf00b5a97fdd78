"""The application: all commands, and what becomes of an error.

Every command shows its progress on standard error. With ``--json`` the last line of standard output is
one JSON object. Bad input ends with exit code 2 and one line on standard error.
"""

from __future__ import annotations

import signal
import sys

import typer

from anomalymatch_ui.cli import (
    archive,
    benchmark,
    completeness,
    crossmatch,
    cycles,
    doctor,
    export,
    footprint,
    info,
    repair,
    replay,
    search,
    selection,
    send,
    serving,
    shortlist,
)
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.process import prepare_process

application = typer.Typer(
    name="anomalymatch",
    help="Find the rare objects in archives of images.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# In the order in which `anomalymatch --help` lists them.
for module in (
    serving,
    info,
    search,
    benchmark,
    archive,
    shortlist,
    export,
    send,
    cycles,
    doctor,
    completeness,
    selection,
    crossmatch,
    footprint,
    replay,
    repair,
):
    module.register(application)


def main() -> None:
    """Run the command line; what the user can mend ends with exit code 2 and one line."""
    prepare_process()
    # A batch scheduler ends a job by SIGTERM: like Ctrl+C, it keeps the cycle under way.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = application(standalone_mode=False)
    except typer.TyperException as error:
        _fail(f"{error.format_message().rstrip('.')}. Try `anomalymatch --help`.")
    except AnomalyMatchError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is not None:  # a file of ours, which should have been a sentence
            _fail(_unexpected(error), code=1)
        _fail(f"The output cannot be written: {error.strerror or error}. Write it to another place.")
    except Exception as error:  # noqa: BLE001 - the last resort: a person reads one line, not a traceback
        _fail(_unexpected(error), code=1)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:  # typer gives Ctrl+C back as this code, without a word
        _fail("Stopped. Labels, trained cycles, scores and finished searches are kept.", code)
    sys.exit(code if isinstance(code, int) else 0)


def _unexpected(error: Exception) -> str:
    """Keep the traceback in a file, and return the sentence that names it."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="anomalymatch-", suffix=".log", delete=False) as log:
        traceback.print_exception(error, file=log)
    return (
        f"Something failed that should not: {type(error).__name__}: {error}. Labels are safe. "
        f"The details are in {log.name}; please report them."
    )


def _fail(sentence: str, code: int = 2) -> None:
    print(f"anomalymatch: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(code)
