"""Where the filters of the large surveys lie, so that bands can be put in order of colour.

References
----------
.. [1] SVO Filter Profile Service, http://svo2.cab.inta-csic.es/theory/fps: effective wavelengths.
"""

from __future__ import annotations

_WAVELENGTHS = {
    # Colours of a picture: the peaks of sRGB's primaries.
    "red": 612.0,
    "green": 549.0,
    "blue": 465.0,
    # SDSS, DECam, HSC, Rubin: they differ by less than the distance of two filters.
    "u": 360.0,
    "g": 475.0,
    "r": 622.0,
    "i": 763.0,
    "z": 905.0,
    "y": 973.0,
    # Johnson and Cousins. "Y" is the near infrared one of VISTA and UKIDSS.
    "U": 366.0,
    "B": 436.0,
    "V": 545.0,
    "R": 641.0,
    "I": 798.0,
    "Y": 1020.0,
    "J": 1235.0,
    "H": 1662.0,
    "K": 2190.0,
    "Ks": 2159.0,
    # Euclid
    "VIS": 715.0,
    "NIR-Y": 1081.0,
    "NIR-J": 1367.0,
    "NIR-H": 1769.0,
    # WISE
    "W1": 3353.0,
    "W2": 4603.0,
    "W3": 11561.0,
    "W4": 22088.0,
}

_FOLDED = {name.lower(): wavelength for name, wavelength in _WAVELENGTHS.items()}


def usual_wavelength(name: str) -> float | None:
    """Return the effective wavelength of a filter of that name in nm, or ``None`` if it is not known.

    Letters of the other case do where a name is not known as it stands: FITS programs write ``EXTNAME`` in
    capitals. So ``G`` and ``Z`` are SDSS's, while ``R`` and ``I`` are Johnson and Cousins's, which lie in the
    same order.

    Examples
    --------
    >>> usual_wavelength("NIR-H")
    1769.0
    """
    return _WAVELENGTHS.get(name, _FOLDED.get(name.lower()))
