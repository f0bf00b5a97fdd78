"""What a session's artefacts say of the other images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anomalymatch_ui.config import Config
from anomalymatch_ui.labels import Label
from anomalymatch_ui.pool import ImagePool
from anomalymatch_ui.rank import Artefacts
from anomalymatch_ui.session.labelling.evidence import artefact_indices, labelled_mask

FIRST_PAGE = 100
"""Of so many images at the top it is told how many the artefacts took away."""


def learn_artefacts(
    pool: ImagePool, embedding: np.ndarray, view: Mapping[str, Label], config: Config
) -> Artefacts | None:
    """Learn how the artefacts of a session look; ``None`` while nobody has pointed any out.

    Parameters
    ----------
    pool, view, config
        The images, their labels and the settings.
    embedding
        float ``(len(pool), components)``.
    """
    artefacts = artefact_indices(pool, view)
    if len(artefacts) == 0:
        return None
    others = np.setdiff1d(np.flatnonzero(labelled_mask(pool, view)), artefacts)
    return Artefacts.of(embedding, artefacts, others, config.head, seed=config.seed)


def without_artefacts(view: Mapping[str, Label]) -> dict[str, Label]:
    """Return the labels as they were if nobody had pointed an artefact out."""
    return {name: label for name, label in view.items() if label != "artefact"}
