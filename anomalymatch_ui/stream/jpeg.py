"""What the header of a JPEG says."""

from __future__ import annotations

from dataclasses import dataclass

# Markers of a frame: baseline, extended and progressive, all with Huffman coding.
_FRAMES = (0xC0, 0xC1, 0xC2)
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_SCAN = 0xDA
_APPLICATION = 0xE1
"""Of the segments with Exif and XMP."""
_END = b"\xff\xd9"

# Some cameras write a few bytes after the end.
_TAIL = 64


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """Size of an ordinary JPEG: 8 bits, grey or of three colours, upright, and not cut off.

    Attributes
    ----------
    height, width
        In pixels.
    """

    height: int
    width: int


def ordinary_frame(content: bytes) -> JpegFrame | None:
    """Read the header of a JPEG; ``None`` for other images, unusual JPEGs, and cut off ones."""
    if content[:3] != b"\xff\xd8\xff" or _END not in content[-_TAIL:]:
        return None
    place = 2
    while place + 9 < len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _FRAMES:
            bits, components = content[place + 4], content[place + 9]
            height = int.from_bytes(content[place + 5 : place + 7], "big")
            width = int.from_bytes(content[place + 7 : place + 9], "big")
            ordinary = bits == 8 and components in (1, 3) and height > 0 and width > 0
            return JpegFrame(height, width) if ordinary else None
        if marker == _SCAN or marker in _OTHER_FRAMES:
            return None
        if marker == _APPLICATION and _may_lie(content, place + 4):
            return None
        # A marker may be preceded by any number of filling bytes.
        place += 1 if marker == 0xFF else 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None


def _may_lie(content: bytes, start: int) -> bool:
    """Return whether a segment may say that the image lies on its side, which Pillow turns then.

    The tag's number and type in either byte order, or its name in XMP; the value follows.
    """
    segment = content[start : start - 2 + int.from_bytes(content[start - 2 : start], "big")]
    big, little = segment.find(b"\x01\x12\0\x03\0\0\0\x01"), segment.find(b"\x12\x01\x03\0\x01\0\0\0")
    return (
        (big >= 0 and segment[big + 9 : big + 10] != b"\x01")
        or (little >= 0 and segment[little + 8 : little + 9] != b"\x01")
        or b"Orientation" in segment
    )
