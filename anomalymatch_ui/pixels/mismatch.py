"""Why a model cannot be used on images that are rendered differently from those it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anomalymatch_ui.pixels.spec import listed


def mismatch(trained: Mapping[str, Any], shown: Mapping[str, Any], model: str, images: str) -> str:
    """Say how two renderings differ, and what to do.

    Parameters
    ----------
    trained, shown
        The fields of the rendering a model was trained on, and of that of the images.
    model, images
        What to call them.
    """
    bands, there = trained["bands"] or (), shown["bands"] or ()
    if any(name not in there for name in bands):
        return (
            f"{model} was trained on the bands {listed(bands)}, and {images} are shown in "
            f"{listed(there) if there else 'none of them'}. Choose the same ones by --bands."
        )
    differing = ", ".join(
        f"{name} {shown[name]!r} instead of {trained[name]!r}"
        for name in trained
        if trained[name] != shown[name]
    )
    return (
        f"{model} was trained on images that were rendered differently from {images}: {differing}. Open "
        "these as it was trained, or train on them."
    )
