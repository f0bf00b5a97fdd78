"""Archives that know objects, asked over the network through astroquery, and only when somebody wants it."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.session.catalogue.known_table import KnownTable

Degrees = tuple[np.ndarray, np.ndarray]

SERVICES = ("simbad", "ned", "vizier:CATALOGUE")
"""What :func:`ask` takes; CATALOGUE stands for one of VizieR, such as ``I/355/gaiadr3``."""

MOST = {"simbad": 10_000, "ned": 500, "vizier": 10_000}
"""Images looked up at one time. NED takes one question an image, and asks for no more than one a second."""

_PATIENCE = 60
"""Seconds in which SIMBAD has to answer; astroquery waits as long for the other two."""

_AT_ONCE = 200  # positions of one question; SIMBAD's parser slows down with the length of a query
_ROWS = 50_000  # of an answer
_VIZIER_NAMES = re.compile(r"name|main|id|object|designation|source|gaia|sdss|2mass", re.IGNORECASE)


logger = logging.getLogger(__name__)


def check_service(service: str, images: int) -> None:
    """Refuse a service that is none, a catalogue that is missing, or too many images.

    Raises
    ------
    InputError
        With what to do instead; also where astroquery is not installed.
    """
    name, _, catalogue = service.partition(":")
    if name.casefold() not in MOST or (name.casefold() == "vizier") != bool(catalogue):
        raise InputError(f"There is no service {service!r}. Choose one of: {', '.join(SERVICES)}.")
    most = MOST[name.casefold()]
    if images > most:
        raise InputError(
            f"{images:,} images are more than {service} is asked about at one time: {most:,}. Take fewer "
            "(--top), or download a catalogue of the field and give it as a table."
        )
    try:
        import astroquery  # noqa: F401
    except ImportError as error:
        raise InputError(
            "Asking SIMBAD, NED or VizieR needs astroquery. Install it by `pip install "
            "'anomalymatch-ui[archives]'`, or give a table."
        ) from error


def ask(service: str, places: Degrees, radius: float) -> KnownTable:
    """Return what an archive knows near positions.

    Parameters
    ----------
    service
        One of :data:`SERVICES`.
    places
        Right ascension and declination, degrees, float64 ``(n,)`` each, all finite.
    radius
        Seconds of arc.

    Raises
    ------
    InputError
        If the service cannot be reached, or refuses.
    """
    from astropy import units
    from astropy.coordinates import SkyCoord

    name, _, catalogue = service.partition(":")
    positions = SkyCoord(*places, unit="deg")
    reach = radius * units.arcsec
    asked: Callable[[], Iterator[KnownTable]] = {
        "simbad": lambda: _simbad(positions, reach),
        "ned": lambda: _ned(positions, reach),
        "vizier": lambda: _vizier(positions, reach, catalogue),
    }[name.casefold()]
    source = {"simbad": "SIMBAD", "ned": "NED"}.get(name.casefold(), f"VizieR {catalogue}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of empty answers, and of VOTables that are not quite standard
            answers = list(asked())
    except InputError:
        raise
    except Exception as error:  # three services raise all kinds about a network that is not there
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{source} could not be asked: {reason}. Check the network, or give a table of known objects; "
            "what is kept stays as it was."
        ) from error
    return KnownTable(
        source,
        tuple(one for answer in answers for one in answer.names),
        np.concatenate([np.zeros(0), *(answer.ra for answer in answers)]),
        np.concatenate([np.zeros(0), *(answer.dec for answer in answers)]),
    )


def _simbad(positions: Any, reach: Any) -> Iterator[KnownTable]:
    from astroquery.simbad import Simbad

    simbad = Simbad()
    _with_patience(simbad._session)
    for part in _parts(positions):
        answer = simbad.query_region(part, radius=reach)
        if answer is not None:
            yield _known("SIMBAD", answer, "main_id", "ra", "dec")


def _ned(positions: Any, reach: Any) -> Iterator[KnownTable]:
    from astroquery.exceptions import RemoteServiceError
    from astroquery.ipac.ned import Ned

    for position in positions:
        try:
            answer = Ned.query_region(position, radius=reach)
        except RemoteServiceError as error:
            if "no object" in str(error).lower():
                continue
            raise
        ra, dec = ("RA", "DEC") if "RA" in answer.colnames else ("RA(deg)", "DEC(deg)")
        yield _known("NED", answer, "Object Name", ra, dec)


def _vizier(positions: Any, reach: Any, catalogue: str) -> Iterator[KnownTable]:
    from astroquery.vizier import Vizier

    vizier = Vizier(columns=["_RAJ2000", "_DEJ2000", "*"], row_limit=_ROWS)
    answered = False
    for part in _parts(positions):
        for answer in vizier.query_region(part, radius=reach, catalog=catalogue, frame="icrs"):
            others = [name for name in answer.colnames if name not in ("_q", "_RAJ2000", "_DEJ2000")]
            named = next((name for name in others if _VIZIER_NAMES.search(name)), others[0])
            answered = True
            yield _known(catalogue, answer, named, "_RAJ2000", "_DEJ2000")
    if not answered:
        _check_catalogue(vizier, catalogue)


def _check_catalogue(vizier: Any, catalogue: str) -> None:
    """Refuse a catalogue that VizieR does not have: of one it answers as of an empty place.

    Raises
    ------
    InputError
        If it is not in VizieR's list. Where that cannot be had the answer counts as it is.
    """
    from astroquery.exceptions import EmptyResponseError

    name = catalogue.strip().rstrip("/")
    above = name.rpartition("/")[0]  # the list has I/355, of which I/355/gaiadr3 is a table
    for listed in (name, above):
        if not listed:
            continue
        try:
            vizier.get_catalog_metadata(catalog=listed)
        except EmptyResponseError:
            continue
        except Exception as error:  # noqa: BLE001 - another service, which may be away while VizieR answers
            logger.info("Whether VizieR has %s could not be asked: %s", catalogue, error)
        return
    raise InputError(
        f"VizieR has no catalogue {catalogue!r}. Copy its name from vizier.cds.unistra.fr; it looks like "
        "I/355/gaiadr3 or J/ApJS/173/185."
    )


def _with_patience(session: Any) -> None:
    """Limit how long a request of a session waits: by itself pyvo would wait for a silent server for ever."""
    session.request = partial(session.request, timeout=_PATIENCE)


def _parts(positions: Any) -> Iterator[Any]:
    for start in range(0, len(positions), _AT_ONCE):
        yield positions[start : start + _AT_ONCE]


def _known(source: str, answer: Any, name: str, ra: str, dec: str) -> KnownTable:
    """Return the objects of an answer, a table of astropy."""

    def degrees(column: str) -> np.ndarray:
        return np.asarray(np.ma.filled(np.ma.asarray(answer[column], float), np.nan))

    where = degrees(ra), degrees(dec)
    without = np.ma.getmaskarray(np.ma.asarray(answer[name]))  # which would be called "--"
    names = tuple(
        "" if missing else str(value).strip() for value, missing in zip(answer[name], without, strict=True)
    )
    named = (called or _unnamed(*at) for called, *at in zip(names, *where, strict=True))
    return KnownTable(source, tuple(named), *where)


def _unnamed(ra: float, dec: float) -> str:
    """Return what an object without a name is called: where it is."""
    return f"unnamed at {ra:.5f} {dec:+.5f}"
