"""The loss of FixMatch: labels on a few images, confident pseudo-labels on the rest.

References
----------
.. [1] Sohn et al. 2020, "FixMatch", arXiv:2001.07685, equations 3 and 4.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from anomalymatch_ui.learn.network import ANOMALY
from anomalymatch_ui.learn.pseudo_labels import PseudoLabels


class FixMatchLoss(NamedTuple):
    """The loss of one step and what it is made of; all are scalars.

    Attributes
    ----------
    total
        ``supervised + weight * unlabelled``; the only term that carries a gradient graph.
    supervised
        Mean cross-entropy of the labelled images.
    unlabelled
        Cross-entropy of the strongly augmented images against the pseudo-labels in use, averaged over
        all unlabelled images.
    pseudo_label_share
        Share of the unlabelled images whose pseudo-label is in use.
    pseudo_anomaly_share
        Share of the pseudo-labels in use that say "anomaly"; 0 if none is in use.
    """

    total: Tensor
    supervised: Tensor
    unlabelled: Tensor
    pseudo_label_share: Tensor
    pseudo_anomaly_share: Tensor


def fixmatch_loss(
    labelled: Tensor, labels: Tensor, strong: Tensor, pseudo: PseudoLabels, *, weight: float
) -> FixMatchLoss:
    """Compute the loss of FixMatch [1]_ with hard pseudo-labels.

    Parameters
    ----------
    labelled
        Logits ``(n, 2)`` of the labelled images.
    labels
        Their classes, int64 ``(n,)``.
    strong
        Logits ``(m, 2)`` of unlabelled images under strong augmentation.
    pseudo
        What is believed of the same images, from their weak augmentation.
    weight
        Weight of the unlabelled term.
    """
    supervised = functional.cross_entropy(labelled, labels)
    used = pseudo.weights.to(strong.dtype)
    images = max(len(used), 1)  # supervised training has no unlabelled ones
    unlabelled = (functional.cross_entropy(strong, pseudo.classes, reduction="none") * used).sum() / images
    return FixMatchLoss(
        total=supervised + weight * unlabelled,
        supervised=supervised.detach(),
        unlabelled=unlabelled.detach(),
        pseudo_label_share=used.sum() / images,
        pseudo_anomaly_share=(used * (pseudo.classes == ANOMALY)).sum() / used.sum().clamp(min=1e-8),
    )
