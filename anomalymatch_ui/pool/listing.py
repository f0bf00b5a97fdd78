"""Which images a folder holds: found without opening one."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from anomalymatch_ui.pixels.files import SUFFIXES
from anomalymatch_ui.pool.containers import container_kind
from anomalymatch_ui.pool.links import ALLOWED_BY, is_inside


@dataclass(slots=True)
class FolderListing:
    """What lies in a folder and the folders below it.

    Attributes
    ----------
    images
        Path of each image relative to the folder, with ``/`` on every system, and its size in bytes; in
        no order.
    other_suffixes
        How many other files there are of each suffix; ``""`` counts those without one.
    skipped
        Name -> reason, a sentence fragment, of what could not be looked at.
    containers
        Paths of files and Zarr stores that hold many images each, by the kind of file; in no order.
    """

    images: dict[str, int] = field(default_factory=dict)
    other_suffixes: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    containers: dict[str, list[str]] = field(default_factory=dict)


def list_images(root: str, *, follow_links: bool = False) -> FolderListing:
    """List the images below ``root``, following links to folders.

    A folder that can be reached in several ways is listed once: by its own name, or else by the link
    that comes first. So links never lead in circles, and what is found does not depend on the order in
    which the file system gives its entries. Hidden files and folders are passed over.

    Parameters
    ----------
    root
        The folder.
    follow_links
        Whether also links that lead out of it are followed.

    Raises
    ------
    OSError
        If ``root`` itself cannot be opened.
    """
    listing = FolderListing()
    seen: set[tuple[int, int]] = set()
    links = _list_tree(root, "", seen, listing, follow_links)
    while links:
        found = []
        for prefix in sorted(links):
            try:
                found += _list_tree(root, prefix, seen, listing, follow_links)
            except OSError as error:
                listing.skipped[prefix] = _why(error)
        links = found
    return listing


def _list_tree(
    root: str, top: str, seen: set[tuple[int, int]], listing: FolderListing, follow_links: bool
) -> list[str]:
    """List a folder and the real folders below it; give the links to folders, not followed yet.

    ``top`` is relative to ``root``: empty, or ending with ``/``.
    """
    links: list[str] = []
    pending = [top]
    while pending:
        prefix = pending.pop()
        try:
            status = os.stat(root + "/" + prefix)
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                continue
            with os.scandir(root + "/" + prefix) as entries:
                seen.add(identity)
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink() and not follow_links and _leads_out(entry, root):
                        listing.skipped[prefix + entry.name] = f"a link to what lies {ALLOWED_BY}"
                    else:
                        _sort_in(entry, root, prefix, pending, links, listing)
        except OSError as error:
            if prefix == top:
                raise
            listing.skipped[prefix] = _why(error)
    return links


def _sort_in(
    entry: os.DirEntry[str],
    root: str,
    prefix: str,
    folders: list[str],
    links: list[str],
    listing: FolderListing,
) -> None:
    """Put one entry of a folder where it belongs."""
    name = prefix + entry.name
    if not _is_utf8(entry.name):
        # A surrogate in an id could be neither printed nor kept in a table.
        listing.skipped[os.fsencode(name).decode("utf-8", "backslashreplace")] = "its name is not UTF-8"
        return
    is_image = entry.name.lower().endswith(SUFFIXES)
    try:
        kind = container_kind(root + "/" + name, is_folder=entry.is_dir())
        if kind is not None:
            listing.containers.setdefault(kind, []).append(name)
        elif entry.is_dir():
            (links if entry.is_symlink() else folders).append(name + "/")
        elif not is_image:
            listing.other_suffixes[PurePosixPath(entry.name).suffix.lower()] += 1
        elif entry.is_file():
            listing.images[name] = entry.stat().st_size
        else:
            listing.skipped[name] = "a link to nothing" if entry.is_symlink() else "not a regular file"
    except OSError as error:
        listing.skipped[name] = _why(error)


def _leads_out(link: os.DirEntry[str], root: str) -> bool:
    """Return whether a link leads to something outside; one to nothing does not."""
    return (
        os.path.exists(link.path) and not is_inside(link.path, root) and not os.path.samefile(link.path, root)
    )


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
