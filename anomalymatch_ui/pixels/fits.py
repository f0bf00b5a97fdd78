"""The bytes of a FITS file -> an image of native values, whichever HDUs it lies in."""

from __future__ import annotations

import io
import math
import mmap
import re
import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from anomalymatch_ui.pixels.fitsheader import Hdu, read_hdus
from anomalymatch_ui.pixels.largest import LARGEST, check_shape
from anomalymatch_ui.pixels.spec import Band, Bands, NativeImage, PixelError, as_native, listed

_DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}

# Words of names of extensions that hold a mask, or lie beside an image otherwise and are none themselves; and
# words that say no more than that this is an image.
_MASK_WORDS = "MASK MSK MASKS DQ BPM FLAG FLAGS"
_BESIDE_WORDS = (
    "ERR ERROR ERRORS UNCERT RMS STD SIGMA NOISE VAR VARIANCE IVAR INVVAR WHT WEIGHT WEIGHTS WGT WT PSF "
    "BKG BACK BACKGROUND SKY CON CTX CONTEXT MASKBITS EXP EXPTIME NEXP COV COVERAGE SEG SEGM SEGMAP "
    "SEGMENTATION MODEL RESID RESIDUAL WAVELENGTH AREA"
)
_IMAGE_WORDS = "SCI SCIENCE IMAGE IMG DATA FLUX MOSAIC CUTOUT PRIMARY"
_MASKS = frozenset(_MASK_WORDS.split())
_BESIDE = _MASKS | frozenset(_BESIDE_WORDS.split())
_IMAGE = frozenset(_IMAGE_WORDS.split())

# Planes of the masks of HSC and Rubin that say that a pixel means nothing. Others say what is seen there:
# DETECTED covers every source.
_BAD_PLANES = ("MP_BAD", "MP_NO_DATA", "MP_UNMASKEDNAN")
_DO_NOT_USE = 1
"""The lowest bit of the data quality of JWST and Roman."""

_MOST_PLANES = 4096

Remark = Callable[[str], None]


class HduError(PixelError):
    """Why an HDU that was asked for is no image of a file."""


def read_fits(
    content: bytes,
    hdus: Sequence[int | str] | None = None,
    planes: Sequence[str] | None = None,
    remark: Remark | None = None,
    largest: int = LARGEST,
) -> NativeImage:
    """Read the image of a FITS file.

    Parameters
    ----------
    content
        The bytes of the file, not compressed as a whole.
    hdus
        Which HDUs, by index or name, are its bands; or the one whose planes are. Unless given, the first with
        an image, and with it those of the same size that have names of their own; masks, errors, weights and
        the like are none.
    planes
        Names of the planes, where the file gives them none.
    remark
        Told what is passed over, as a sentence fragment.
    largest
        Pixels that the image may have.

    Returns
    -------
    NativeImage
        Scaled by BSCALE and BZERO, with BLANK and masks marked. Axes of length 1 are left out.

    Raises
    ------
    PixelError
        If there is no such image, or it is too large.
    """
    there = list(read_hdus(content))
    chosen, count = choose_hdus(there, hdus, remark)
    check_shape((count, *chosen[0].shape[-2:]), largest)
    bands = bands_of(chosen, count, planes, hdus)
    values, bad = joined([_pixels(content, hdu) for hdu in chosen])
    return NativeImage(values, _masked(content, there, chosen, bands, bad, values.shape, remark), bands)


def describe_fits(
    content: bytes | mmap.mmap, hdus: Sequence[int | str] | None = None, planes: Sequence[str] | None = None
) -> Bands:
    """Return the bands of the image of a FITS file, reading its headers only; raises as :func:`read_fits`."""
    chosen, count = choose_hdus(list(read_hdus(content)), hdus, None)
    return bands_of(chosen, count, planes, hdus)


def choose_hdus(
    there: list[Hdu], hdus: Sequence[int | str] | None, remark: Remark | None
) -> tuple[list[Hdu], int]:
    """Return the HDUs of the image, and how many planes they have together."""
    chosen = _default(there, remark) if hdus is None else [_find(there, which) for which in hdus]
    shapes = [hdu.shape for hdu in chosen]
    if len({shape[-2:] for shape in shapes}) > 1:
        told = ", ".join(f"{_label(hdu)} of {_size(hdu.shape)}" for hdu in chosen[:4])
        raise PixelError(f"its bands differ in size: {told}")
    if any(len(shape) > 3 for shape in shapes):
        raise PixelError(f"its image has {max(map(len, shapes))} axes longer than 1, not 2 or 3")
    count = sum(math.prod(shape[:-2]) for shape in shapes)
    if count > _MOST_PLANES:
        raise PixelError("it has more than 4,096 planes, which are no bands")
    return chosen, count


def _default(hdus: list[Hdu], remark: Remark | None) -> list[Hdu]:
    """Return the HDUs that are shown unless others are asked for."""
    images = [hdu for hdu in hdus if hdu.shape and not _is_beside(hdu)]
    if not images:
        raise PixelError("none of its HDUs holds an image")
    first = images[0]
    alike = [hdu for hdu in images if hdu.shape == first.shape and len(hdu.shape) == 2]
    names = [_own_name(hdu) for hdu in alike]
    chosen = alike if len(alike) > 1 and all(names) and len(set(names)) == len(names) else [first]
    if remark and len(images) > len(chosen):
        names = [_label(hdu) for hdu in hdus]
        others = [
            _label(hdu) if names.count(_label(hdu)) == 1 else str(hdu.index)
            for hdu in images
            if hdu not in chosen
        ]
        remark(f"of its images only {_label(first)} is read; {listed(others)} by --hdu")
    return chosen


def _find(hdus: list[Hdu], which: int | str) -> Hdu:
    """Return the HDU of an index or a name, which must hold an image."""
    if isinstance(which, int):
        found = [hdu for hdu in hdus if hdu.index == which]
    else:
        exact = [hdu for hdu in hdus if hdu.text("EXTNAME") == which]
        found = exact or [hdu for hdu in hdus if hdu.text("EXTNAME").casefold() == which.casefold()]
        if not found and which.casefold() == "primary":
            found = hdus[:1]
    if not found:
        raise HduError(f"it has no HDU {which!r}, only {listed([_label(hdu) for hdu in hdus])}")
    if not found[0].shape:
        raise HduError(f"its HDU {which!r} holds no image")
    return found[0]


def _pixels(content: bytes, hdu: Hdu) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the values of an HDU, ``(planes, height, width)`` and native, and which of them are blank."""
    raw = _unpacked(content, hdu) if hdu.is_compressed else raw_values(content, hdu)
    return native_values(raw.reshape(-1, *hdu.shape[-2:]), hdu)


def raw_values(content: bytes | mmap.mmap, hdu: Hdu) -> np.ndarray:
    """Return what lies in an image HDU that is not compressed, as it lies there; a view of ``content``."""
    if hdu.stop > len(content):
        raise PixelError("truncated")
    dtype = _DTYPES.get(hdu.bitpix)
    if dtype is None:
        raise PixelError(f"its number format BITPIX = {hdu.bitpix} is not FITS")
    return np.frombuffer(content, dtype, math.prod(hdu.shape), hdu.start)


def native_values(raw: np.ndarray, hdu: Hdu) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values that lie in an HDU scaled by its BSCALE and BZERO, and which of them are BLANK."""
    scale, zero = hdu.number("BSCALE"), hdu.number("BZERO")
    scale, zero = 1.0 if scale is None else scale, 0.0 if zero is None else zero
    bad = None
    blank = hdu.integer("BLANK", "ZBLANK")  # of 64 bits float64 would not hold all
    if raw.dtype.kind in "iu" and blank is not None:
        bad = raw == blank
        bad = bad if bad.any() else None
    return _scaled(raw, scale, zero), bad


def _unpacked(content: bytes, hdu: Hdu) -> np.ndarray:
    """Return the values of a compressed image before scaling; by astropy."""
    from astropy.io import fits

    # Scaling is ours: astropy turns BLANK into 0 where BZERO makes the numbers unsigned.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that are not quite the standard's
            with fits.open(io.BytesIO(content), memmap=False, do_not_scale_image_data=True) as opened:
                return np.asarray(opened[hdu.index].data)
    except Exception as error:  # the codecs of damaged tiles raise all kinds
        raise PixelError(f"its compressed image cannot be unpacked: {error}") from error


def _scaled(raw: np.ndarray, scale: float, zero: float) -> np.ndarray:
    """Return values scaled by BSCALE and BZERO, in a native format that holds them."""
    if scale == 1 and zero == 0:
        return as_native(raw)
    if raw.dtype.kind in "iu" and scale == 1:
        bits = raw.dtype.itemsize * 8
        if bits == 16 and zero == 32768:
            return np.asarray((raw.astype(np.int16) ^ np.int16(-32768)).view(np.uint16))
        if bits == 8 and zero == -128:
            return raw.astype(np.int16) - np.int16(128)
        if bits == 64 and zero == 2**63:
            # Before they are floats, which of 64 bits hold 53: of counts near 0 nothing would be left.
            return as_native((raw.astype(np.int64) ^ np.int64(-(2**63))).view(np.uint64))
    # As in astropy, so that both give the same numbers: 24 bits hold what 16 can say.
    wide = raw.astype(np.float32 if raw.dtype.itemsize <= 2 or raw.dtype.str[1:] == "f4" else np.float64)
    if scale != 1:
        np.multiply(wide, scale, out=wide)
    if zero != 0:
        np.add(wide, zero, out=wide)
    return wide


def joined(parts: list[tuple[np.ndarray, np.ndarray | None]]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the planes of several HDUs one after the other, in a format that holds all of them."""
    if len(parts) == 1:
        return parts[0]
    values = as_native(np.concatenate([values for values, _ in parts]))
    if all(bad is None for _, bad in parts):
        return values, None
    masks = [np.zeros(part.shape, bool) if bad is None else bad for part, bad in parts]
    return values, np.concatenate(masks)


def _masked(
    content: bytes,
    hdus: list[Hdu],
    chosen: list[Hdu],
    bands: Bands,
    bad: np.ndarray | None,
    shape: tuple[int, ...],
    remark: Remark | None,
) -> np.ndarray | None:
    """Return the mask of an image, with what the mask extensions beside it say."""
    for hdu, planes in masks_of(hdus, chosen, bands):
        marked = marked_bits(_pixels(content, hdu)[0][0].astype(np.int64), hdu)
        if marked.all() and remark:
            remark(f"its mask {_label(hdu)} marks every pixel, and is not used")
        if not marked.any() or marked.all():
            continue
        bad = np.zeros(shape, bool) if bad is None else bad.copy()
        bad[planes] |= marked
    return bad


def masks_of(hdus: list[Hdu], chosen: list[Hdu], bands: Bands) -> Iterator[tuple[Hdu, slice]]:
    """Iterate over the masks beside the HDUs of an image, and the planes that each is of."""
    names = [re.sub(r"[^a-z0-9]", "_", name.casefold()) for name in bands.names]
    size = chosen[0].shape[-2:]
    for hdu in hdus:
        if hdu in chosen or hdu.shape != size or not _words(hdu) & _MASKS or hdu.bitpix < 0:
            continue
        of_band = "_".join(
            part for part in _parts(hdu.text("EXTNAME")) if part.upper() not in _MASKS | _IMAGE
        ).casefold()
        if of_band in names:
            yield hdu, slice(names.index(of_band), names.index(of_band) + 1)
        elif not of_band:
            yield hdu, slice(None)


def marked_bits(bits: np.ndarray, hdu: Hdu) -> np.ndarray:
    """Return which pixels a mask says mean nothing."""
    planes = [int(number) for name in _BAD_PLANES if (number := hdu.number(name)) is not None]
    if any(name.startswith("MP_") for name in hdu.header):
        bits = bits & sum(1 << plane for plane in planes)
    elif "DQ" in _words(hdu) and hdu.bitpix == 32:
        bits = bits & _DO_NOT_USE
    return np.asarray(bits != 0)


def bands_of(
    chosen: list[Hdu], count: int, planes: Sequence[str] | None, asked: Sequence[int | str] | None
) -> Bands:
    """Return the names of the planes of an image."""
    if count > len(chosen):
        first = chosen[0]
        names = _names_of_planes(first, count) if len(chosen) == 1 else None
        return Bands(tuple(_band(name, first) for name in names or _given(planes, count)))
    if count == 1:
        return Bands((_band(_filter(chosen[0]) or "grey", chosen[0]),))
    named = [_own_name(hdu) for hdu in chosen]
    if not all(named) or len(set(named)) < len(named):
        named = list((planes and _given(planes, count)) or map(str, asked or [hdu.index for hdu in chosen]))
    return Bands(tuple(_band(name, hdu) for name, hdu in zip(named, chosen, strict=True)))


def _band(name: str, hdu: Hdu) -> Band:
    """Return a band with what its header says of it."""
    zero_point = hdu.number("MAGZERO", "MAGZPT", "PHOTZP", "ZEROPNT")
    return Band.named(name, zero_point=zero_point, unit=hdu.text("BUNIT") or None)


def _names_of_planes(hdu: Hdu, count: int) -> list[str] | None:
    """Return the names that a cube gives its planes, as Legacy Survey's cutouts do; else ``None``."""
    said = hdu.text("BANDS")
    for names in (re.split(r"[\s,;]+", said), list(said), [hdu.text(f"BAND{n}") for n in range(count)]):
        if len(names) == count and all(names) and len(set(names)) == count:
            return names
    return None


def _given(planes: Sequence[str] | None, count: int) -> Sequence[str]:
    """Return the names given to planes that have none: those asked for, or their numbers."""
    if planes is None:
        return Bands.numbered(count).names
    if len(planes) != count:
        raise PixelError(
            f"it has {count} planes, and {len(planes)} names are given for them: {listed(planes)}"
        )
    return planes


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[^A-Za-z0-9]+", name) if part]


def _words(hdu: Hdu) -> set[str]:
    """Return the words by which an extension says what it is, in capitals."""
    return {word.upper() for word in _parts(" ".join(map(hdu.text, ("EXTNAME", "EXTTYPE", "IMAGETYP"))))}


def _is_beside(hdu: Hdu) -> bool:
    """Return whether an extension lies beside an image: a mask, errors, weights, a sky or a point source."""
    return hdu.index > 0 and bool(_words(hdu) & _BESIDE)


def _filter(hdu: Hdu) -> str:
    """Return the filter of an image, without what DECam and others write behind its name."""
    return next(iter(hdu.text("FILTER", "BAND").split()), "")


def _own_name(hdu: Hdu) -> str:
    """Return the name of an extension without the words that each image has, or else its filter."""
    name = hdu.text("EXTNAME")
    while (cut := re.match(r"(.*?)[^A-Za-z0-9]+([A-Za-z0-9]+)$", name)) and cut[2].upper() in _IMAGE:
        name = cut[1]
    return _filter(hdu) if name.upper() in _IMAGE | {""} else name


def _label(hdu: Hdu) -> str:
    return hdu.text("EXTNAME") or ("PRIMARY" if hdu.index == 0 else str(hdu.index))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-1]} x {shape[-2]}"
