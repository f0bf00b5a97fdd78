"""The command line: ``anomalymatch`` and its commands, a module each."""

from anomalymatch_ui.cli.main import main

__all__ = ["main"]
