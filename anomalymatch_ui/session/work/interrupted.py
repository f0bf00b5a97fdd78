"""The cycle that was stopped, and whether training goes on with it."""

from __future__ import annotations

from anomalymatch_ui.config import Config
from anomalymatch_ui.learn import peek_checkpoint, training_recipe
from anomalymatch_ui.learn.checkpoint import Interruption
from anomalymatch_ui.pixels import Rendering
from anomalymatch_ui.session.core.folder import SessionFolder


def interrupted_cycle(folder: SessionFolder, config: Config, rendering: Rendering) -> Interruption | None:
    """Return the cycle that training would go on with; ``None`` if there is none.

    One that was finished after all (a crash may come between keeping a cycle and removing what led to it)
    or that was trained by other settings, on images that were rendered otherwise, or of another network, is
    not gone on with; nor one that began with the weights of a cycle from which the person has gone back.

    Raises
    ------
    InputError
        If its checkpoint is damaged.
    """
    if not folder.interrupted.exists():
        return None
    found = peek_checkpoint(folder.interrupted)
    same = (
        found.recipe == training_recipe(config.train, config.seed)
        and config.network.asks_for(found.network)
        and found.rendering.digest == rendering.digest
    )
    rejected = found.begun_with not in (None, 0, folder.cycle_in_use)
    return found if same and not rejected and found.cycle > folder.cycle else None
