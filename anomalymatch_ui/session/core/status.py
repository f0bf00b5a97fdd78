"""What a session is doing, as immutable snapshots that may cross threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from anomalymatch_ui.labels import Label

Phase = Literal["idle", "embedding", "preparing", "adapting", "training", "ranking"]
Adaptation = Literal["none", "begun", "made", "in use", "unfit"]
"""How far the backbone is adapted to the pool, and whether the order is by it.

``"made"`` where it is ready and the settings look without it; ``"unfit"`` where the settings, or the parts of
the network that these images are seen by, leave nothing to adapt.
"""

JobState = Literal["idle", "running", "pausing", "paused", "stopping"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many images carry which label."""

    images: int = 0
    anomaly: int = 0
    nominal: int = 0
    unsure: int = 0
    artefact: int = 0

    @property
    def labelled(self) -> int:
        """Images with any label."""
        return self.anomaly + self.not_sought + self.unsure

    @property
    def not_sought(self) -> int:
        """Images that are not what is looked for: nominal ones and artefacts."""
        return self.nominal + self.artefact

    @property
    def unlabelled(self) -> int:
        """Images without a label."""
        return self.images - self.labelled


@dataclass(frozen=True, slots=True)
class LookedAt:
    """How many images an order knows, while they are looked at or after that was stopped.

    Attributes
    ----------
    images
        Images of the pool.
    once
        Looked at in one view or more; the others stand behind.
    closely
        Looked at in every view.
    """

    images: int
    once: int
    closely: int

    def sentence(self) -> str:
        """Return it in words.

        Examples
        --------
        >>> LookedAt(26_174, 6_144, 384).sentence()
        '6,144 of 26,174 images have been looked at so far, 384 of them closely. The others stand behind.'
        """
        closely = "" if self.closely in (0, self.once) else f", {self.closely:,} of them closely"
        if self.once < self.images:
            return (
                f"{self.once:,} of {self.images:,} images have been looked at so far{closely}. "
                "The others stand behind."
            )
        return f"All {self.images:,} images have been looked at{closely}."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running job is.

    Attributes
    ----------
    done, total
        Steps while training or adapting, images in the other phases.
    closely
        How many of the images done were looked at in every view, where one view of each comes first; else
        ``None``.
    share
        How much of the whole work is done, 0 to 1, where its steps do not all take the same time; else
        ``None``, and ``done / total`` tells.
    loss
        Training loss of the last step, or that of the adaptation, else ``None``.
    pseudo_label_share
        Share of unlabelled images of the last step whose pseudo-label was used, 0 to 1, else ``None``.
    seconds_left
        Estimated from the pace so far, paused time not counted; ``None`` until it is known.
    device
        Where it runs, such as ``"cpu"`` or ``"cuda:0"``; ``None`` until it is known.
    number_format
        In which the network computes there, such as ``"float32"``; ``None`` until it is known.
    runtime
        What computes it, such as ``"OpenVINO 2026.4.1"`` or ``"torch"``; ``None`` until it is known.
    runtime_reason
        A sentence that says why it is torch where OpenVINO was wanted; else empty.
    loss_curve, pseudo_label_curve
        Both figures since the cycle's first step, at most 200 means over equal spans of steps; empty in
        the other phases.
    memory
        Resident memory of this process, in bytes, at most a second old; ``None`` until it is known.
    device_memory
        Memory of a CUDA device that tensors take, in bytes; ``None`` on other devices.
    """

    done: int = 0
    total: int = 0
    loss: float | None = None
    pseudo_label_share: float | None = None
    seconds_left: float | None = None
    device: str | None = None
    number_format: str | None = None
    runtime: str | None = None
    runtime_reason: str = ""
    loss_curve: tuple[float, ...] = ()
    pseudo_label_curve: tuple[float, ...] = ()
    memory: int | None = None
    device_memory: int | None = None
    closely: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """A session at one moment.

    Attributes
    ----------
    phase
        What the background job does, ``"idle"`` if there is none.
    state
        Whether that job runs, is paused, or is on its way there.
    cycle
        Number of the last finished training cycle.
    cycle_in_use
        The cycle whose network orders the images; smaller than ``cycle`` after going back to an earlier
        one, 0 if the labels alone do.
    kept_cycles
        Cycles whose networks are on disk, ascending, so that one can go back to them.
    pinned_cycles
        Cycles that are kept for good, ascending.
    interrupted_step
        Step at which a cycle was stopped and from which ``train()`` goes on; ``None`` if none was.
    adaptation
        How far the backbone is adapted to the pool.
    ranking_version
        Version of the newest ranking; 0 before there is one.
    unreadable
        Images found unreadable so far.
    looked_at
        How many images the newest ranking knows; ``None`` where it knows all as well as it can.
    scored
        How many images the network of the newest ranking has scored; ``None`` where it is all, or none.
    removed
        Share of the first images that the artefacts took away; ``None`` while there are none.
    message
        The last thing worth telling, a sentence; empty if none.
    error
        What made the last job fail, a sentence; ``None`` if it did not.
    aim
        What is sought, in the words of whoever wrote it last; empty if nobody did.
    written_elsewhere
        Who else trains this session, in words; ``None`` if nobody does. Labels need no lock.
    read_only
        Why nothing of it can be changed here, a sentence; empty if it can.
    """

    phase: Phase = "idle"
    state: JobState = "idle"
    progress: Progress = field(default_factory=Progress)
    counts: Counts = field(default_factory=Counts)
    cycle: int = 0
    cycle_in_use: int = 0
    kept_cycles: tuple[int, ...] = ()
    pinned_cycles: tuple[int, ...] = ()
    interrupted_step: int | None = None
    adaptation: Adaptation = "none"
    ranking_version: int = 0
    unreadable: int = 0
    looked_at: LookedAt | None = None
    scored: int | None = None
    removed: float | None = None
    message: str = ""
    error: str | None = None
    aim: str = ""
    written_elsewhere: str | None = None
    read_only: str = ""

    def so_far(self) -> str:
        """Return what the newest ranking knows in words, empty where it is all that there is to know."""
        sentences = [] if self.looked_at is None else [self.looked_at.sentence()]
        if self.scored is not None:
            sentences.append(
                f"The network has scored {self.scored:,} of {self.counts.images:,} images so far. The others "
                "stand where your labels put them."
            )
        return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that labels are durable on disk.

    Attributes
    ----------
    seq
        Number of the event's last row in the journal.
    time
        When, UTC.
    labels
        New label of each image the event touched; ``None`` if it has none now.
    passed_over
        Of an undo or a redo: whether a later action was left alone, because others have relabelled it since.
    marked
        The images whose tags or note the event touched.
    """

    seq: int
    time: datetime
    labels: Mapping[str, Label | None]
    passed_over: bool = False
    marked: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The images."""
        return tuple(self.labels)
