"""``python -m anomalymatch_ui.cli``: the command line where no script is installed."""

from anomalymatch_ui.cli.main import main

main()
