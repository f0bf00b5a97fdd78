"""How a person sees the images, which need not be how the network does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anomalymatch_ui.config import Config, PixelsConfig, ShownConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pixels import PixelError, Rendering
from anomalymatch_ui.pool import ImagePool


class Showing:
    """The rendering that the screen shows. It acts on native values, and changes no score.

    Parameters
    ----------
    pool
        The images.
    config
        Returns the settings.
    keep
        Keeps settings by group; returns whether it could, which only the holder of the lock can.
    """

    def __init__(
        self,
        pool: ImagePool,
        config: Callable[[], Config],
        keep: Callable[[Mapping[str, Mapping[str, Any]]], bool],
    ) -> None:
        self._pool = pool
        self._config = config
        self._keep = keep
        self._chosen: Rendering | None = None

    @property
    def rendering(self) -> Rendering:
        """What is shown, bound to the bands of the pool: the choice, or else as the network sees it."""
        if self._chosen is not None:
            return self._chosen
        shown = self._config().shown
        try:
            return shown.rendering.bound(self._pool.bands) if shown.own else self._pool.rendering
        except PixelError:  # the bands that were chosen have gone
            return self._pool.rendering

    @property
    def is_own(self) -> bool:
        """Whether a person sees the images otherwise than the network."""
        return self.rendering != self._pool.rendering

    def choose(self, rendering: Rendering | None, *, keep: bool = True) -> bool:
        """Show the images otherwise.

        Parameters
        ----------
        rendering
            Rendering of the pool's bands; ``None`` shows them as the network sees them.
        keep
            Keep it with the session.

        Returns
        -------
        bool
            Whether it is kept. Where another process holds the lock it lasts until this session is closed.

        Raises
        ------
        InputError
            If the images lack a band.
        StorageError
            If the disk refuses.
        """
        self._chosen = self._pool.rendering if rendering is None else self._bound(rendering)
        if not keep:
            return False
        if not self.is_own:
            return self._keep({"shown": ShownConfig().model_dump()})
        return self._keep({"shown": {**self._chosen.model_dump(), "own": True}})

    def consequence(self, cycles: int) -> str:
        """Return what has to be computed anew if the network is to see the images as they are shown.

        Parameters
        ----------
        cycles
            How many cycles have been trained.

        Raises
        ------
        InputError
            If it sees them so already.
        """
        if not self.is_own:
            raise InputError("The network already sees the images as they are shown.")
        trained = "The next cycle trains on them as they are then."
        if cycles:
            what = "The cycle trained so far" if cycles == 1 else f"The {cycles} cycles trained so far"
            trained = f"{what} saw them differently and no longer count; the next one starts afresh."
        return (
            f"Each of the {len(self._pool):,} images has to be looked at again, which takes as long as the "
            f"first time. {trained} Your labels stay."
        )

    def pixels(self) -> PixelsConfig:
        """Return the settings by which the network sees the images as they are shown."""
        return PixelsConfig(**{**self._config().pixels.model_dump(), **self.rendering.model_dump()})

    def _bound(self, rendering: Rendering) -> Rendering:
        try:
            return rendering.bound(self._pool.bands)
        except PixelError as error:
            raise InputError(f"The images in {self._pool.path} cannot be shown so: {error}.") from error
