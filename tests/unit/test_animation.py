"""The animation of the README is one, and small enough to be waited for."""

from __future__ import annotations

from documented import ROOT
from PIL import Image


def test_the_readme_shows_an_animation_of_less_than_a_megabyte() -> None:
    path = ROOT / "docs" / "images" / "demo.webp"
    assert str(path.relative_to(ROOT)) in (ROOT / "README.md").read_text(encoding="utf-8")
    assert path.stat().st_size < 1e6
    with Image.open(path) as animation:
        assert animation.n_frames > 20
