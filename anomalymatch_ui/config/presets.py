"""Named settings.

References
----------
.. [1] Gómez & O'Ryan 2025, "AnomalyMatch", arXiv:2505.03509.
"""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "embedding": {"order": "labels"},
    "paper": {
        "order": "network",
        "network": {
            "input_range": "unit",
            "image_size": 64,
            "drop_connect": 0.2,
            "batch_norm": "batch",
            "frozen_blocks": 0,
            "reads": "end",
        },
        "train": {
            "steps": 100,
            "unlabelled_batch": 80,
            "learning_rate": 0.0075,
            "schedule": "constant",
            "weight_decay": 7.5e-4,
            "ema_decay": 0.99,
            "ema_warmup": False,
            "warm_head": False,
            "weak": "published",
            "strong": "randaugment",
            "align": False,
            "mixed_precision": False,
            "carry_over": True,
        },
        "score": {"symmetries": False},
        "instant": False,
        "acquisition": {"strategy": "most_likely", "random_every": 0, "same_place": 0.0},
    },
}
"""Named settings, as differences from the defaults.

``default`` is what the product does unless told otherwise; ``paper`` is the method exactly as published
[1]_, and its order the trained network's alone; ``embedding`` is the frozen backbone and the linear head
alone, what there is without training.
"""
