"""TIFF beyond 8 bits and three bands -> native values, by tifffile."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anomalymatch_ui.pixels.largest import LARGEST, check_size
from anomalymatch_ui.pixels.spec import GREY, RGB, Band, Bands, NativeImage, PixelError, as_native

_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MIN_IS_WHITE, _RGB = 0, 2
_COLOURS = (_RGB, 5, 6, 8)
"""RGB, CMYK, YCbCr and Lab, which Pillow turns into RGB."""
_ALPHA = (1, 2)


def is_tiff(content: bytes) -> bool:
    """Return whether a file is a TIFF or a BigTIFF."""
    return content.startswith(_MAGICS)


def read_tiff(
    content: bytes,
    planes: Sequence[str] | None = None,
    remark: Callable[[str], None] | None = None,
    largest: int = LARGEST,
) -> NativeImage | None:
    """Read the first page of a TIFF.

    Returns
    -------
    NativeImage or None
        ``None`` of one that Pillow reads as it is: up to 8 bits a band, grey, of a palette, in colour or with
        transparency.

    Raises
    ------
    PixelError
        If it is damaged, or compressed in a way that no installed package knows.
    """
    # Imported when a TIFF is read: it takes 0.1 s.
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(content)) as opened:
            page: Any = opened.pages[0]
            if _is_picture(page):
                return None
            _check_page(page, largest)
            if remark and len(opened.pages) > 1:
                remark(f"the first of its {len(opened.pages):,} pages is shown")
            axes, samples = str(page.axes), int(page.samplesperpixel)
            photometric, extra = int(page.photometric), tuple(map(int, page.extrasamples))
            values = page.asarray()
            orientation = int(page.tags[274].value) if 274 in page.tags else 1
    except PixelError:
        raise
    except (ValueError, KeyError) as error:
        if "imagecodecs" in str(error):
            if samples == 1 and photometric != _MIN_IS_WHITE:
                return None  # Pillow has some of the codecs
            raise PixelError(
                f"its compression needs the package imagecodecs: {str(error).splitlines()[0]}"
            ) from error
        raise PixelError("truncated" if "read" in str(error) else "damaged") from error
    except Exception as error:  # of damaged tags it raises all kinds
        raise PixelError("damaged") from error
    if axes.endswith("YXS"):
        values = np.moveaxis(values, -1, -3)
    values = np.ascontiguousarray(_upright(values.reshape(-1, *values.shape[-2:]), orientation))
    if photometric == _MIN_IS_WHITE:
        values = np.iinfo(values.dtype).max - values if values.dtype.kind == "u" else -values
    bands, values = _bands(values, photometric, extra, planes)
    return NativeImage(np.ascontiguousarray(as_native(values)), None, bands)


def _check_page(page: Any, largest: int) -> None:
    planes = int(page.samplesperpixel) * int(page.imagedepth)
    check_size(int(page.imagelength), int(page.imagewidth), planes, largest)


def _is_picture(page: Any) -> bool:
    """Return whether Pillow reads a page with all its bits and bands."""
    bits = page.bitspersample if isinstance(page.bitspersample, tuple) else (page.bitspersample,)
    if max(bits) > 8:
        return False
    samples, extra = page.samplesperpixel, tuple(map(int, page.extrasamples))
    return (
        samples == 1
        or (samples == 2 and extra[:1] in ((1,), (2,)))
        or (samples <= 4 and page.photometric in _COLOURS)
    )


def _bands(
    values: np.ndarray, photometric: int, extra: tuple[int, ...], planes: Sequence[str] | None
) -> tuple[Bands, np.ndarray]:
    """Return the names of bands, and their values with the transparency applied."""
    if extra and extra[0] in _ALPHA and values.dtype.kind == "u" and planes is None:
        largest = float(np.iinfo(values.dtype).max)
        colours = len(values) - len(extra)
        alpha = values[colours] / largest
        if extra[0] == 2:  # not multiplied yet
            values = np.rint(values[:colours] * alpha).astype(values.dtype)
        values = values[:colours]
    if planes is not None and len(planes) == len(values):
        return Bands.named(*planes), values
    if len(values) == 1:
        return GREY, values
    if photometric == _RGB and len(values) >= 3:
        names = (*RGB, *(Band(str(number)) for number in range(4, len(values) + 1)))
        return Bands(names), values
    return Bands.numbered(len(values)), values


def _upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Return planes turned as the tag says: 1 as they are, 2 to 4 mirrored or upside down, 5 to 8 lying."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(-1, -2)
    if orientation in (2, 3, 6, 7):
        values = values[..., ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[..., ::-1, :]
    return values
