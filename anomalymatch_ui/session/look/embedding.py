"""The embedding of a session's pool: what the frozen backbone says of each image, made once, kept on disk.

Torch is imported to adapt a backbone, and where OpenVINO does not compute it. Otherwise neither opening an
embedding nor making one needs it: a page opens seconds sooner, and its kernel holds 400 MB less.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from anomalymatch_ui import jsontext
from anomalymatch_ui.config import Config, Symmetry
from anomalymatch_ui.errors import StorageError
from anomalymatch_ui.files import write_bytes_atomically
from anomalymatch_ui.learn.wanted import versions
from anomalymatch_ui.pool import ImagePool, content_probe
from anomalymatch_ui.rank import Reduction, sample_rows
from anomalymatch_ui.score import DamagedStoreError, open_embeddings
from anomalymatch_ui.session.core.folder import SessionFolder
from anomalymatch_ui.session.core.jobs import Reporter
from anomalymatch_ui.session.core.status import Adaptation
from anomalymatch_ui.session.look.backbone import digest_of, look_for_traits
from anomalymatch_ui.session.look.embedded import Embedded, Seeing
from anomalymatch_ui.session.look.looking import Guide, Looking
from anomalymatch_ui.session.look.raw_features import raw_features, shared_features
from anomalymatch_ui.session.look.reduced import load_reductions, projection, save_reductions, write_reduced
from anomalymatch_ui.session.look.sight import Look, Sight, Traits, traits_that_are_set
from anomalymatch_ui.session.look.snapshot import newest_snapshot
from anomalymatch_ui.stream.allocation import give_back_freed_memory

logger = logging.getLogger(__name__)

RECIPE = 3
"""Counts up when the same settings come to give another embedding."""

SEED = 0  # of what is sampled: with a session's own, sessions could not share an embedding


class Embedder:
    """Embeds a session's pool, and other images as the pool.

    Parameters
    ----------
    folder, pool, config
        The files of the session, its images, and its settings.
    """

    def __init__(self, folder: SessionFolder, pool: ImagePool, config: Config) -> None:
        self._folder = folder
        self._pool = pool
        self._config = config
        self._opened: Embedded | None = None
        self._sight: Sight | None = None
        self._adapted_name = ""  # asked with every label, so read once

    def symmetry(self, reporter: Reporter) -> Symmetry:
        """Return what changes nothing of what the pool's images mean: as set, or measured once."""
        set_already = self._config.symmetry
        return self.sight(reporter).symmetry if set_already == "auto" else set_already

    def known_symmetry(self) -> Symmetry | None:
        """Return :meth:`symmetry` if it is set or was measured; else ``None``."""
        if self._config.symmetry != "auto":
            return self._config.symmetry
        sight = self.known_sight()
        return None if sight is None else sight.symmetry

    def sight(self, reporter: Reporter) -> Sight:
        """Return how the backbone looks at the pool: as set, or by what is measured on its images once."""
        known = self.known_sight()
        if known is None:
            traits = look_for_traits(self._pool, self._config, SEED, reporter)
            traits.save(self._traits_file)
            known = self._sight = Sight.of(self._config, traits)
        return known

    def known_sight(self) -> Sight | None:
        """Return :meth:`sight` if nothing has to be measured for it, or that was done; else ``None``."""
        if self._sight is None:  # asked with every label, so read once
            traits = traits_that_are_set(self._config) or Traits.load(self._traits_file)
            self._sight = None if traits is None else Sight.of(self._config, traits)
        return self._sight

    @property
    def _traits_file(self) -> Path:
        looked = _way_of_looking(self._config, self._pool.rendering.channels)
        return self._folder.traits(self._pool.digest, looked)

    def of_pool(self, reporter: Reporter, guide: Guide | None = None) -> np.ndarray:
        """Return the pool's embedding, float16 ``(len(pool), components)``, on disk.

        Parameters
        ----------
        reporter
            Told how far it is, if it has to be made first.
        guide
            Speaks for somebody who waits: told whenever :meth:`at_hand` has more.
        """
        if self._opened is None or self._opened.depth is not None:
            sight = self.sight(reporter)
            self._adapt(sight, reporter)
            path = self._path(self._pool, sight)
            opened = self._whole(path)
            table = self._make(path, sight, reporter, guide) if opened is None else opened
            self._opened = Embedded(table)
        return self._opened.table

    def if_made(self) -> np.ndarray | None:
        """Return the pool's embedding as far as it is on disk; ``None`` if it has to be made first."""
        at_hand = self.at_hand()
        return None if at_hand is None else at_hand.table

    def at_hand(self) -> Embedded | None:
        """Return :meth:`if_made`, and how each image was looked at where not all are finished."""
        sight = self.known_sight()
        if self._opened is None and sight is not None and self._name_of_adapted(sight) is not None:
            path = self._path(self._pool, sight)
            opened = self._whole(path)
            snapshot = newest_snapshot(shared_features(path), len(self._pool)) if opened is None else None
            if opened is not None:
                self._opened = Embedded(opened)
            elif snapshot is not None:
                self._opened = snapshot
        return self._opened

    def _whole(self, path: Path) -> np.ndarray | None:
        """Open an embedding; ``None`` if it is missing, or it or what it was made by is damaged."""
        made_by = projection(path)
        if not made_by.exists() or not path.exists():
            return None
        try:
            load_reductions(made_by)
            return open_embeddings(path)
        except DamagedStoreError as error:
            logger.warning("%s They are made again.", error)
            self._folder.notices.append(
                "What was known of the images from looking at them is damaged on the disk; they are looked "
                "at once more. Labels are safe."
            )
            for file in (path, made_by):
                self._folder.set_aside(file)
            return None

    def outdated(self) -> bool:
        """Return whether the pool was looked at by other settings, or another version, and not by these.

        It builds no backbone to tell, so that a session opens without torch.
        """
        if not self._folder.embeddings_of(self._pool.digest):
            return False
        sight = self.known_sight()
        if sight is None:
            return True
        names = [self._backbone_file(look) for look in sight.backbones]
        if not all(name.exists() for name in names):
            return True
        if self._name_of_adapted(sight) is None:  # the adaptation that the settings want is not made yet
            return True
        # A damaged name is found again with the next label, and says nothing of the embedding.
        named = all(_read_digest(name) is not None for name in names)
        return named and not self._path(self._pool, sight).exists()

    def adaptation(self) -> Adaptation:
        """Return how far the adaptation by these settings is, as far as is known without torch."""
        sight = self.known_sight()
        if self._config.order == "network" or (sight is not None and not sight.adaptable):
            return "unfit"
        if sight is None or not self._backbone_file(sight.adaptable[0]).exists():
            return "none"
        recipe = self._adapted_recipe(sight)
        if self._folder.adapted(recipe).exists():
            return "in use" if self._config.embedding.adapt else "made"
        return "begun" if self._folder.adapting(recipe).exists() else "none"

    def _adapt(self, sight: Sight, reporter: Reporter) -> None:
        """Adapt the backbone to the pool, where that is wanted and was not done yet."""
        path = self._adapted(sight)
        if path is not None and not path.exists():
            from anomalymatch_ui.session.look.adapting import adapt_pool

            state = self._folder.adapting(self._adapted_recipe(sight))
            size = sight.adaptable[0].size
            adapt_pool(path, state, self._pool, self._config, size, sight.symmetry, SEED, reporter)

    def _adapted(self, sight: Sight) -> Path | None:
        """Return the file of the adapted weights; ``None`` where none are wanted."""
        wanted = self._config.embedding.adapt and sight.adaptable
        return self._folder.adapted(self._adapted_recipe(sight)) if wanted else None

    def _adapted_recipe(self, sight: Sight) -> str:
        """Return a name for all that decides what an adaptation comes to."""
        look = sight.adaptable[0]
        parts = [self._backbone_digest(look), str(look.size), sight.symmetry, self._pool.digest]
        parts += [self._config.adapt.model_dump_json(), str(min(self._config.train.window, len(self._pool)))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _name_of_adapted(self, sight: Sight) -> str | None:
        """Return the digest of the adapted weights, empty if none are wanted; ``None`` if there are none."""
        path = self._adapted(sight)
        if path is None:
            return ""
        if not self._adapted_name and path.exists():
            self._adapted_name = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return self._adapted_name or None

    def of(self, images: ImagePool, reporter: Reporter) -> np.ndarray:
        """Return the embedding of other images in the pool's components, float16 ``(n, components)``."""
        self.of_pool(reporter)
        sight = self.sight(reporter)
        reductions = load_reductions(projection(self._path(self._pool, sight)))
        digest = f"{self._digest(sight)}-{self._pool.digest[:8]}"
        # Two folders may name their images alike, and FITS of one shape have one size.
        probe = content_probe(images)
        named = hashlib.sha256(f"{images.digest} {probe}".encode()).hexdigest() if probe else images.digest
        path = self._folder.embeddings(digest, named)
        known = _open(path)
        if known is not None:
            return known
        with raw_features(path) as folder, self._looking(folder, images, sight, reporter) as looking:
            looking.look(None)
            return write_reduced(path, [table for _, table in looking.features()], reductions)

    def seeing(self) -> Seeing | None:
        """Return how the pool's embedding was made; ``None`` until every image was looked at closely."""
        sight, at_hand = self.known_sight(), self.at_hand()
        if sight is None or at_hand is None or at_hand.depth is not None:
            return None
        adapted = self._adapted(sight)
        return Seeing(
            self._digest(sight),
            sight,
            tuple(load_reductions(projection(self._path(self._pool, sight)))),
            {look: adapted for look in sight.adaptable} if adapted is not None else {},
        )

    def _make(self, path: Path, sight: Sight, reporter: Reporter, guide: Guide | None) -> np.ndarray:
        rows = sample_rows(self._pool.ids, SEED)
        with raw_features(path) as folder, self._looking(folder, self._pool, sight, reporter) as looking:
            looking.look(None if guide is None else replace(guide, offer=lambda: self._offer(looking, guide)))
            tables = looking.features()
            components = self._config.embedding.components
            reductions = [
                Reduction.of(table, rows, components=components, whitening=part.whitening).scaled(part.weight)
                for part, table in tables
            ]
            save_reductions(projection(path), reductions)
            return write_reduced(path, [table for _, table in tables], reductions)

    def _offer(self, looking: Looking, guide: Guide) -> None:
        self._opened = looking.snapshot()
        guide.offer()
        give_back_freed_memory()

    def _looking(self, folder: Path, images: ImagePool, sight: Sight, reporter: Reporter) -> Looking:
        adaptable, adapted = sight.adaptable, self._adapted(sight)
        return Looking(
            folder,
            images,
            self._config,
            sight,
            lambda look: adapted if look in adaptable else None,
            reporter,
        )

    def _path(self, images: ImagePool, sight: Sight) -> Path:
        return self._folder.embeddings(self._digest(sight), images.digest)

    def _digest(self, sight: Sight) -> str:
        embedding = self._config.embedding
        parts = " ".join(part.model_dump_json(exclude_none=True) for part in sight.parts)
        settings = f"{embedding.views_up_to} {embedding.components} {parts}"
        number_format = self._config.score.number_format
        backbones = " ".join(self._backbone_digest(look) for look in sight.backbones)
        named = f"{RECIPE} {backbones} {number_format} {sight.symmetry} {settings}"
        named += f" {adapted}" if (adapted := self._name_of_adapted(sight)) else ""
        return hashlib.sha256(named.encode()).hexdigest()[:16]

    def _backbone_digest(self, look: Look) -> str:
        """Return the name of what a backbone computes; built once, then known by what it is built from."""
        path = self._backbone_file(look)
        known = _read_digest(path)
        if known is None:
            known = digest_of(self._config, look, self._pool.rendering.channels)
            try:
                write_bytes_atomically(path, json.dumps({"digest": known}).encode())
            except StorageError as error:  # a folder that may only be read: it is built again next time
                logger.info("%s", error)
        return known

    def _backbone_file(self, look: Look) -> Path:
        return self._folder.backbone(_recipe(self._config, look, self._pool.rendering.channels))


def _way_of_looking(config: Config, bands: int) -> str:
    """Return a name for what decides which features the traits are measured on; empty as it is by default."""
    network, usual = config.network, Config()
    parts = [network.name, network.pretrained, network.input_range, config.score.number_format, bands]
    named = usual.network
    if parts == [named.name, named.pretrained, named.input_range, usual.score.number_format, 3]:
        return ""  # the name from before these were in it
    parts += [] if network.pretrained else [config.seed]
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:8]


def _recipe(config: Config, look: Look, bands: int) -> str:
    """Return a name of all that decides which backbone is built."""
    network = config.network.model_copy(update={"name": look.backbone or config.network.name})
    parts = [network.model_dump_json(), str(look.size), str(config.seed), *versions(network)]
    parts += [] if bands == 3 else [f"{bands} bands"]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _read_digest(path: Path) -> str | None:
    try:
        known = jsontext.parsed(path.read_text(encoding="utf-8"))["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # It becomes part of a path, and a session's folder may come from somebody else.
    return known if isinstance(known, str) and re.fullmatch(r"[0-9a-f]{16}", known) else None


def _open(path: Path) -> np.ndarray | None:
    if not path.exists():
        return None
    try:
        return open_embeddings(path)
    except DamagedStoreError as error:
        logger.warning("%s They are made again.", error)
        return None
