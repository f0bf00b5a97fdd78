"""What is done to a valid file: as disks, networks, other programs and strangers do."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from random import Random

Mutate = Callable[[bytes, Random, bytes], bytes]

_NUMBERS = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**64 - 1,
)
_WORDS = (
    b"0",
    b"-1",
    b"1",
    b"4294967296",
    b"1e308",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"''",
    b"null",
    b"{}",
)


def mutated(files: dict[str, bytes], other: bytes, random: Random) -> tuple[dict[str, bytes], bool]:
    """Return damaged files, and whether nothing but a part of them is missing.

    Parameters
    ----------
    files
        Contents by path.
    other
        Bytes of another file of the same reader.
    random
        Decides on everything.
    """
    changed = dict(files)
    name = random.choice(sorted(changed))
    if random.random() < 0.25:
        if len(changed) > 1 and random.random() < 0.5:
            del changed[name]
        else:
            changed[name] = changed[name][: random.randrange(len(changed[name]) + 1)]
        return changed, True
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        changed[name] = random.choice(_MUTATIONS)(changed[name], random, other)
    return changed, False


def _place(content: bytes, random: Random) -> int:
    """Return a place in a file, half of the time near its beginning, where headers are."""
    within = len(content) if random.random() < 0.5 else min(len(content), 512)
    return random.randrange(max(1, within))


def _flip(content: bytes, random: Random, _: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(random.randint(1, 8)):
        if changed:
            changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _number(content: bytes, random: Random, _: bytes) -> bytes:
    """Write a number that is a limit of something, of any size and byte order."""
    size = random.choice((1, 2, 4, 8))
    value = random.choice(_NUMBERS) % 256**size
    place = _place(content, random)
    return content[:place] + value.to_bytes(size, random.choice(("little", "big"))) + content[place + size :]


def _digits(content: bytes, random: Random, _: bytes) -> bytes:
    """Write another word where a header of text has a number."""
    found = [match.span() for match in re.finditer(rb"-?[0-9][0-9.e+]*", content[:4096])]
    if not found:
        return _number(content, random, b"")
    start, stop = random.choice(found)
    word = random.choice(_WORDS)
    if random.random() < 0.5:  # as wide as before, which leaves the places of the rest as they are
        word = word[: stop - start].rjust(stop - start)
    return content[:start] + word + content[stop:]


def _removed(content: bytes, random: Random, _: bytes) -> bytes:
    place = _place(content, random)
    return content[:place] + content[place + random.randint(1, 200) :]


def _repeated(content: bytes, random: Random, _: bytes) -> bytes:
    place, length = _place(content, random), random.randint(1, 200)
    return (
        content[:place]
        + content[place : place + length] * random.choice((2, 2, 50))
        + content[place + length :]
    )


def _noise(content: bytes, random: Random, _: bytes) -> bytes:
    place, length = _place(content, random), random.randint(1, 64)
    return content[:place] + random.randbytes(length) + content[place + length :]


def _emptied(content: bytes, random: Random, _: bytes) -> bytes:
    """Write zeros over a block, as a disk does that lost it."""
    place, length = _place(content, random), random.choice((16, 512, 4096))
    return content[:place] + bytes(min(length, len(content) - place)) + content[place + length :]


def _spliced(content: bytes, random: Random, other: bytes) -> bytes:
    """Put a part of another file there."""
    place, start = _place(content, random), _place(other, random)
    return content[:place] + other[start : start + random.randint(1, 4096)] + content[place:]


def _nested(content: bytes, random: Random, _: bytes) -> bytes:
    place = _place(content, random)
    return (
        content[:place]
        + random.choice((b"[", b"(", b'{"a":')) * random.choice((200, 20_000))
        + content[place:]
    )


def _chunk_of_png(content: bytes, random: Random, other: bytes) -> bytes:
    """Change the inside of a chunk of a PNG, with a checksum that fits."""
    chunks = []
    place = 8
    while content.startswith(b"\x89PNG") and place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        if place + 12 + length > len(content):
            break
        chunks.append((place, content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return _packed(content, random, other)
    place, name, data = random.choice(chunks)
    stop = place + 12 + len(data)
    if name == b"IDAT" and random.random() < 0.5:
        data = _packed(data, random, other)
    elif random.random() < 0.1:
        return content[:place] + content[stop:]
    else:
        data = random.choice((_flip, _number, _removed))(data, random, other)
    whole = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return content[:place] + whole + content[stop:]


def _packed(content: bytes, random: Random, other: bytes) -> bytes:
    """Change what is packed by zlib or gzip, and pack it again."""
    for wbits in (31, 15):
        try:
            inner = zlib.decompressobj(wbits).decompress(content, 2**20)
        except zlib.error:
            continue
        inner = random.choice((_flip, _number, _digits, _removed, _emptied))(inner, random, other)
        packer = zlib.compressobj(wbits=wbits)
        return packer.compress(inner) + packer.flush()
    return _flip(content, random, other)


_MUTATIONS: tuple[Mutate, ...] = (
    _flip, _number, _number, _digits, _removed, _repeated, _noise, _emptied, _spliced, _nested, _chunk_of_png,
    _packed,
)  # fmt: skip
