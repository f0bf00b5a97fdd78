"""What computes a network that only runs forward, and if that is torch where OpenVINO was wanted, why."""

from __future__ import annotations

from dataclasses import dataclass

TOLERANCE = 1e-4
"""Largest difference from torch: the norm of the difference of two maps, in units of a map's own. So far from
each other scores still agree to 1e-4, for a logistic changes by at most 0.224 of a relative change of its
argument. In trials OpenVINO was within 5e-6 from 64 px on, and 5e-5 at 32."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What computes a network.

    Attributes
    ----------
    name
        ``torch``, or OpenVINO with its version and its graph: others may compute other last bits.
    reason
        A sentence that says why it is torch where OpenVINO was wanted; else empty.
    """

    name: str = "torch"
    reason: str = ""

    def __str__(self) -> str:
        return self.name


class Refusal(Exception):
    """Why OpenVINO does not compute a network, as a sentence."""


def first_line(error: BaseException) -> str:
    """Return what an error says first, without a full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def require_alike(difference: float, scale: float, what: str) -> None:
    """Refuse answers that are further from torch's than :data:`TOLERANCE`.

    Parameters
    ----------
    difference, scale
        Norms of the difference, and of torch's answers.
    what
        Names them.

    Raises
    ------
    Refusal
        If they differ by more, or are no numbers.
    """
    if not difference <= TOLERANCE * scale:
        share = difference / max(scale, 1e-30)
        raise Refusal(
            f"OpenVINO's answers differ from torch's by {share:.1e} at {what} (allowed: {TOLERANCE:.0e})."
        )
