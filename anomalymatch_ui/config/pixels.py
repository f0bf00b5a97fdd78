"""How images are read and rendered, for the network and for a person."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from anomalymatch_ui.config.group import first_error
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels.largest import LARGEST
from anomalymatch_ui.pixels.rendering import Rendering


def _as_text(path: object) -> object:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


class _RenderingConfig(Rendering):
    @property
    def rendering(self) -> Rendering:
        """What concerns the rendering, without the rest."""
        return Rendering(**self.model_dump(include=set(Rendering.model_fields)))


class ShownConfig(_RenderingConfig):
    """How a person sees the images where that is not how the network does; chosen beside them."""

    own: bool = Field(
        False,
        description="the images are shown so; otherwise as the network sees them, and the rest says nothing",
    )


class PixelsConfig(_RenderingConfig):
    """How images are read and shown, to the network and, unless ``shown`` says otherwise, on the screen."""

    hdu: tuple[int | str, ...] | None = Field(
        None,
        min_length=1,
        description="which HDUs of FITS files are the bands, by index or name. Unless given, the first with "
        "an image, and those of the same size with names of their own; masks, errors and weights are none",
    )
    planes: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        None, min_length=1, description="names of a cube's planes, in their order, where the file names none"
    )
    template: str | None = Field(
        None,
        description="template of file names, where each band is a file of its own, such as "
        "`{name}_{band}.fits`; `*` stands for any text. An image's id is then its `{name}`",
    )
    array: str | None = Field(
        None, min_length=1, description="name of the array of images in a file that holds more"
    )
    ids: str | None = Field(
        None, min_length=1, description="name of the array or column of a file that names its images"
    )
    tiles: Annotated[str, BeforeValidator(_as_text), Field(min_length=1)] | None = Field(
        None,
        description="folder of the tiles that the cutouts of a catalogue are cut from: those that it names, "
        "or else those that cover its positions. Unless given, the folder of the catalogue",
    )
    size: str | None = Field(
        None,
        min_length=1,
        description="side of the cutouts of a catalogue, such as `64` for pixels or `10arcsec`. Unless "
        "given, as its columns say",
    )
    cutout_limit: float = Field(
        LARGEST / 1e6,
        gt=0,
        le=10_000,
        description="millions of pixels that an image may have, in up to four planes; one with more is not "
        "decoded, which protects the memory. Pillow's own limit for pictures, 178, is not raised by it",
    )
    follow_links: bool = Field(
        False,
        description="whether links, and references of HDF5 files to others, may lead out of the folder of "
        "the images. They are read with your rights, so allow it where you know who made them",
    )

    @property
    def largest(self) -> int:
        """Pixels that an image may have."""
        return round(self.cutout_limit * 1e6)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PixelsConfig:
        """Return checked options.

        Raises
        ------
        InputError
            With one sentence about the first that is unknown or cannot be used.
        """
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            raise InputError(first_error(error, "these options of pixels")) from error
