"""Make the session of a former version that ``tests/session/test_former_session.py`` goes on with.

Run it with that version in front of the path, in an empty folder ``OUT``::

    git worktree add ../former 0636b21
    PYTHONPATH=../former python tests/former/make.py OUT

The cycle trains the head alone, so that its checkpoint is the pretrained backbone, which is installed with
the package, and a few kilobytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from anomalymatch_ui.config import Config
from anomalymatch_ui.learn import device
from anomalymatch_ui.learn import network as former
from anomalymatch_ui.session import Session

IMAGES, SIDE, RINGS = 40, 32, 6


def image(number: int) -> Image.Image:
    """Return a disc, or for the first few numbers a ring, somewhere near the centre, with noise."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + random.normal(0, 1.5, (2, 1, 1))
    radius = np.hypot(x, y)
    light = (
        np.exp(-((radius - 9) ** 2) / 4) if number < RINGS else np.exp(-(radius**2) / random.uniform(20, 60))
    )
    colour = random.uniform(0.5, 1, 3)
    values = 200 * light[..., None] * colour + random.normal(20, 6, (SIDE, SIDE, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def compute_in_float32() -> None:
    """Score as on CPUs that do not multiply bfloat16, whose scores are good to the third digit only."""
    device._cpu_multiplies_bfloat16 = lambda: False


def train_the_head_alone() -> None:
    """Let training change no weight of the backbone."""
    build = former.AnomalyNetwork.__init__

    def build_and_freeze(self: former.AnomalyNetwork, config: object) -> None:
        build(self, config)
        self.backbone.requires_grad_(False)

    former.AnomalyNetwork.__init__ = build_and_freeze


def main(out: Path) -> None:
    """Make the images, work on a session about them, and shrink its checkpoint to what it has learnt."""
    images, folder = out / "images", out / "session"
    images.mkdir(parents=True)
    for number in range(IMAGES):
        image(number).save(images / f"{number:04d}.jpg", quality=85)
    compute_in_float32()
    train_the_head_alone()
    config = Config().with_values(
        seed=7,
        device="cpu",
        symmetry="square",
        network={"image_size": 64},
        embedding={"sizes": [32], "components": 8},
        train={"steps": 4, "unlabelled_batch": 8, "labelled_batch": 4, "mixed_precision": False},
        score={"frozen_maps_gb": 0},
    )
    with Session.open(folder, images, config=config, annotator="ada") as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label([f"{number:04d}.jpg" for number in range(20, 26)], "nominal")
        session.label(["0030.jpg"], "unsure")
        session.label(["0031.jpg"], "anomaly")
        session.undo()
        session.rank(wait=True)
        session.train(wait=True)
        session.label(["0002.jpg"], "anomaly")
        session.rank(wait=True)
        print(session.status, session.ranking(), sep="\n")
    checkpoint = folder / "checkpoints" / "cycle-0001.safetensors"
    with safe_open(checkpoint, framework="np") as file:
        metadata = file.metadata()
    head = {name: tensor for name, tensor in load_file(checkpoint).items() if ".head." in name}
    save_file(head, checkpoint, metadata)
    place = folder / "pool.json"  # as if made on the astronomer's own machine
    place.write_text(place.read_text().replace(str(images), "/home/ada/images"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
