"""Shares of anomalies as people write and read them: ``6 %``, ``0.06``, ``1 in 200``."""

from __future__ import annotations

import math
import re
from typing import Any

EXAMPLES = "6 %, 0.06 or 1 in 200"

_PERCENT = re.compile(r"(?P<number>[^%\s]+)\s*(?:%|per\s?cent)", re.IGNORECASE)
_RATIO = re.compile(r"(?P<part>[^\s/]+)\s*(?:in|of|out of|/)\s*(?P<whole>[^\s/]+)", re.IGNORECASE)


def read_prevalence(written: Any) -> float:
    """Read a share of anomalies.

    Parameters
    ----------
    written
        A number above 0 and below 1, or text such as ``"6 %"``, ``"6%"``, ``"0.06"``, ``"1 in 200"``,
        ``"1/200"`` and ``"3 in 1,000"``.

    Raises
    ------
    ValueError
        With a sentence that says what was meant to be given. A number from 1 up may be meant as per cent, and
        is refused with the words to write instead.

    Examples
    --------
    >>> read_prevalence("6 %"), read_prevalence("1 in 200"), read_prevalence(0.06)
    (0.06, 0.005, 0.06)
    """
    share = _share(written.strip() if isinstance(written, str) else written)
    if share is not None and 0 < share < 1:
        return share
    meant = ""
    if share is not None and 1 <= share < 100 and _is_plain(written):
        meant = f" For {share:g} in a hundred, write {share:g} %."
    raise ValueError(
        f"the prevalence must be a share above 0 and below 100 %, such as {EXAMPLES}, not {written}.{meant}"
    )


def in_per_cent(share: float) -> str:
    """Put a share into per cent, to two significant digits: ``"0.56 %"``, ``"4.4 %"``, ``"12 %"``."""
    if not share > 0:
        return "0 %"
    digits = max(0, 1 - math.floor(math.log10(100 * share)))
    number = f"{100 * share:.{digits}f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} %"


def _share(written: Any) -> float | None:
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    if not isinstance(written, str):
        return float(written)
    if percent := _PERCENT.fullmatch(written):
        number = _number(percent["number"])
        return None if number is None else number / 100
    if ratio := _RATIO.fullmatch(written):
        # A comma before three digits of a whole number is a thousand's: 1 in 1,000.
        part, whole = (_number(re.sub(r"(?<=\d),(?=\d{3}\b)", "", ratio[name])) for name in ("part", "whole"))
        return None if part is None or not whole else part / whole
    return _number(written)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_plain(written: Any) -> bool:
    return not isinstance(written, str) or not re.search(r"[^\d.,\s]", written)
