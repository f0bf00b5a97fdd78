"""Pseudo-labels: what the network itself says of an unlabelled image, and how far it is believed.

FixMatch [1]_ believes every class from one fixed confidence on. Where one image in a hundred is an
anomaly that rule is a trap: a network fitted on balanced batches calls far too many images anomalies,
and is confirmed by its own pseudo-labels. Two remedies can be switched on here. Alignment [2]_ holds
the share of anomalies among the predictions to the prevalence. Adaptive thresholds [3]_ [4]_ [5]_ follow
how far the network is with each class.

References
----------
.. [1] Sohn et al. 2020, "FixMatch", arXiv:2001.07685.
.. [2] Berthelot et al. 2019, "ReMixMatch", arXiv:1911.09785, section 3.1.
.. [3] Zhang et al. 2021, "FlexMatch", arXiv:2110.08263, equations 5, 7 and 11.
.. [4] Wang et al. 2022, "FreeMatch", arXiv:2205.07246, equations 5 to 8.
.. [5] Chen et al. 2023, "SoftMatch", arXiv:2301.10921, equations 5 to 7.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anomalymatch_ui.config import ThresholdRule
from anomalymatch_ui.learn.network import ANOMALY

DECAY = 0.95
"""Of the running means. The papers take 0.999 over a million steps; a cycle here has 60 to 100."""

DEVIATIONS = 2.0
"""Width of SoftMatch's weight, in standard deviations of the confidence [5]_."""

SMALLEST_SHARE = 1e-6  # keeps a ratio of shares finite where a class is never predicted


class PseudoLabels(NamedTuple):
    """What is believed of some unlabelled images.

    Attributes
    ----------
    classes
        int64 ``(m,)``.
    weights
        float32 ``(m,)`` in [0, 1]; 0 leaves an image out.
    """

    classes: Tensor
    weights: Tensor


class PseudoLabeller:
    """Turns logits of weakly augmented images into pseudo-labels.

    Parameters
    ----------
    rule
        ``"fixed"``, ``"flex"``, ``"free"`` or ``"soft"``: FixMatch's threshold or an adaptive one.
    threshold
        The fixed confidence; FlexMatch lowers it for a class that lags behind. The others do not use it.
    prevalence
        Share of anomalies that the predictions are aligned to; ``None`` leaves them as they are.
    images
        Unlabelled images there are, of which FlexMatch keeps a record.
    device
        Where the logits are.
    digest
        A name of these images and their order.
    """

    def __init__(
        self,
        rule: ThresholdRule,
        threshold: float,
        prevalence: float | None,
        images: int,
        device: torch.device,
        digest: int = 0,
    ) -> None:
        self._rule = rule
        self._threshold = threshold
        self._target = None
        if prevalence is not None:
            self._target = torch.tensor([1 - prevalence, prevalence], device=device)
            self._target = self._target if ANOMALY == 1 else self._target.flip(0)
        half = torch.tensor(0.5, device=device)
        self._state = {
            "predicted": torch.full((2,), 0.5, device=device),
            "believed": torch.full((2,), 0.5, device=device),
            "confidence": half.clone(),
            "variance": torch.ones_like(half),
            "learnt": torch.full((images,), -1, dtype=torch.int8, device=device),
            "images": torch.tensor(digest, dtype=torch.int64, device=device),
        }

    @torch.no_grad()
    def label(self, logits: Tensor, rows: Tensor) -> PseudoLabels:
        """Label a batch, and learn from it how the network is doing.

        Parameters
        ----------
        logits
            Logits of the weakly augmented images, ``(m, 2)``.
        rows
            Which of the unlabelled images they are, int64 ``(m,)``.
        """
        state = self._state
        probabilities = torch.softmax(logits.float(), dim=1)
        if len(rows) == 0:  # supervised training: there is nothing to label, and no mean to move
            return PseudoLabels(rows.to(logits.device), probabilities[:, 0])
        if self._target is not None:
            state["predicted"] = _moved(state["predicted"], probabilities.mean(dim=0))
            ratio = self._target / state["predicted"].clamp(min=SMALLEST_SHARE)
            probabilities = probabilities * ratio
            probabilities = probabilities / probabilities.sum(dim=1, keepdim=True)
        confidence, classes = probabilities.max(dim=1)
        if self._rule == "soft":
            return PseudoLabels(classes, self._soft_weights(confidence))
        if self._rule == "free":
            thresholds = self._free_thresholds(probabilities, confidence)
        elif self._rule == "flex":
            thresholds = self._flex_thresholds(confidence, classes, rows)
        else:
            thresholds = torch.full_like(probabilities[0], self._threshold)
        return PseudoLabels(classes, (confidence >= thresholds[classes]).float())

    def state_dict(self) -> dict[str, Tensor]:
        """Return what was learnt so far, to go on with later."""
        return {name: tensor.clone() for name, tensor in self._state.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what :meth:`state_dict` gave; a record of other images is begun anew."""
        kept, here = state.get("images"), self._state["images"]
        same_images = kept is not None and int(kept) == int(here)
        for name in self._state.keys() & state.keys() - {"images"}:
            own, saved = self._state[name], state[name]
            if saved.shape == own.shape and (same_images or name != "learnt"):
                self._state[name] = saved.to(own.device, copy=True)

    def _soft_weights(self, confidence: Tensor) -> Tensor:
        state = self._state
        state["confidence"] = _moved(state["confidence"], confidence.mean())
        state["variance"] = _moved(state["variance"], confidence.var(unbiased=len(confidence) > 1))
        below = (confidence - state["confidence"]).clamp(max=0)
        return torch.exp(-below.square() * DEVIATIONS**2 / (2 * state["variance"].clamp(min=1e-8)))

    def _free_thresholds(self, probabilities: Tensor, confidence: Tensor) -> Tensor:
        state = self._state
        state["confidence"] = _moved(state["confidence"], confidence.mean())
        state["believed"] = _moved(state["believed"], probabilities.mean(dim=0))
        return state["believed"] / state["believed"].max() * state["confidence"]

    def _flex_thresholds(self, confidence: Tensor, classes: Tensor, rows: Tensor) -> Tensor:
        learnt = self._state["learnt"]
        sure = confidence >= self._threshold
        learnt[rows.to(learnt.device)[sure]] = classes[sure].to(torch.int8)
        counts = torch.stack([(learnt == number).sum() for number in (0, 1)]).float()
        unused = (learnt < 0).sum().float()
        share = counts / torch.maximum(counts.max(), unused).clamp(min=1)
        return self._threshold * share / (2 - share)


def _moved(mean: Tensor, value: Tensor) -> Tensor:
    return torch.lerp(value, mean, DECAY)
