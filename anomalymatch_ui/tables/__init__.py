"""Tables of results: typed columns with units and UCDs, and the files they are written to."""

from anomalymatch_ui.tables.columns import Column, ResultTable, plain, typed, without_nan
from anomalymatch_ui.tables.formats import FORMATS, SUFFIX_OF, Format, format_of, write_table

__all__ = [
    "FORMATS",
    "SUFFIX_OF",
    "Column",
    "Format",
    "ResultTable",
    "format_of",
    "plain",
    "typed",
    "without_nan",
    "write_table",
]
