"""How a file name in a table may be spelled, and which image ids it can then mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

Parts = tuple[str, ...]
Candidates = Callable[[list[str], list[str]], dict[str, set[str]]]
"""From file names and image ids to the ids that each name can mean; names that fit none are left out."""

_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio stores an upload as 1a2b3c4d-name.jpg
_IMAGE_SUFFIX = re.compile(
    r"(?<=.)\.(jpe?g|png|tiff?|webp|bmp|gif|npy|(fits?|fts)(\.(gz|bz2|fz))?)$", re.IGNORECASE
)


def looks_like_a_file(name: str) -> bool:
    """Return whether a text ends like the name of an image file, in a web address or not."""
    return any(_IMAGE_SUFFIX.search(path) for path in (name.strip(), *_paths_of_address(name)))


def _same_path(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Return the ids that are the same path, written differently."""
    by_path: dict[Parts, set[str]] = {}
    for image_id in ids:
        by_path.setdefault(_parts(image_id), set()).add(image_id)
    return {name: by_path[parts] for name in names if (parts := _parts(name)) in by_path}


def _same_end(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Return the ids that end in the name, or in which the name ends, at a folder boundary."""
    return _ending_alike({name: _parts(name) for name in names}, [(_parts(item), item) for item in ids])


def _in_an_address(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Return the ids in which the path of a web address ends, or one of the values behind its ``?``."""
    spelled = {name: paths for name in names if (paths := _paths_of_address(name))}
    known = [(_parts(item), item) for item in ids]
    candidates: dict[str, set[str]] = {}
    for at in range(max((len(paths) for paths in spelled.values()), default=0)):
        some = {name: _parts(paths[at]) for name, paths in spelled.items() if at < len(paths)}
        for name, fitting in _ending_alike(some, known).items():
            candidates.setdefault(name, set()).update(fitting)
    return candidates


def _behind_an_upload_prefix(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Return the ids that a name ends in once the prefix that an upload has put before it is taken away."""
    stripped: dict[str, Parts] = {}
    for name in names:
        *folders, last = _parts(name) or ("",)
        shorter = _UPLOAD_PREFIX.sub("", last)
        if shorter != last:
            stripped[name] = (*folders, shorter)
    return _ending_alike(stripped, [(_parts(item), item) for item in ids])


def _in_other_case(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Return the ids that the name would fit if capitals did not matter."""
    return _ending_alike(
        {name: _parts(name.casefold()) for name in names}, [(_parts(item.casefold()), item) for item in ids]
    )


def _of_another_extension(names: list[str], ids: list[str]) -> dict[str, set[str]]:
    """Return the ids that the name would fit if neither capitals nor the kind of file mattered."""
    return _ending_alike(
        {name: _parts(_without_suffix(name)) for name in names},
        [(_parts(_without_suffix(item)), item) for item in ids],
    )


EXACT_STEPS: tuple[Candidates, ...] = (_same_path, _same_end)
"""A path seen from another folder, or written in another system's way."""

LOOSE_STEPS: tuple[Candidates, ...] = (
    _in_an_address,
    _behind_an_upload_prefix,
    _in_other_case,
    _of_another_extension,
)
"""Another spelling, tried in this order on the names that fit nothing so far; the user is told."""


def _ending_alike(names: dict[str, Parts], ids: list[tuple[Parts, str]]) -> dict[str, set[str]]:
    """Return the ids that end in a name, or in which a name ends, at a folder boundary.

    One pass over the ends of the ids and one over the ends of the names: the time grows with their
    number and depth, not with the number of pairs.

    Parameters
    ----------
    names
        What to compare of each name.
    ids
        What to compare of each id, and the id.
    """
    ids_ending_in: dict[Parts, set[str]] = {parts: set() for parts in names.values()}
    ids_at: dict[Parts, set[str]] = {}
    for parts, image_id in ids:
        ids_at.setdefault(parts, set()).add(image_id)
        for end in _ends(parts):
            if end in ids_ending_in:
                ids_ending_in[end].add(image_id)
    candidates: dict[str, set[str]] = {}
    for name, parts in names.items():
        fitting = set(ids_ending_in[parts])
        for end in _ends(parts):
            fitting |= ids_at.get(end, set())
        if fitting:
            candidates[name] = fitting
    return candidates


def _paths_of_address(name: str) -> list[str]:
    """Return the paths that a web address may mean: its own, and the values of its query."""
    if "://" not in name and "?" not in name:
        return []
    try:
        address = urlsplit(name.strip())
        values = [value for _, value in parse_qsl(address.query)]
    except ValueError:  # such as brackets that are no IPv6 address
        return []
    return [path for path in (unquote(address.path), *values) if path.strip("/")]


def _without_suffix(name: str) -> str:
    return _IMAGE_SUFFIX.sub("", name.strip()).casefold()


def _parts(path: str) -> Parts:
    # A Mac writes é as two characters, a table written elsewhere as one.
    same = unicodedata.normalize("NFC", path.strip()).replace("\\", "/")
    return tuple(part for part in same.split("/") if part not in ("", "."))


def _ends(parts: Parts) -> Iterable[Parts]:
    return (parts[start:] for start in range(len(parts)))
