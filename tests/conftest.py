"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images that lies beside the project on the developers' machines."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real images are not on this machine ({SHARED_DATA.name}/ is absent)")
    return SHARED_DATA
