from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.app.looking.look import Look, look_from_json, look_to_json
from anomalymatch_ui.errors import InputError

looks = st.builds(
    Look,
    stretch=st.sampled_from(["linear", "asinh", "log", "sqrt"]),
    limits=st.sampled_from(["full", "99.5", "99", "95", "zscale"]),
    brightness=st.floats(0, 1),
    contrast=st.floats(0.1, 10),
    invert=st.booleans(),
    bands=st.sampled_from(["RGB", "RG", "RB", "GB", "R", "G", "B"]),
    colour_map=st.sampled_from(["none", "grey", "viridis", "magma", "cubehelix"]),
)


@given(looks)
def test_a_look_survives_the_way_to_the_browser_and_back(look: Look):
    assert look_from_json(json.loads(json.dumps(look_to_json(look, None))), None) == look


def test_no_look_stays_no_look():
    assert look_from_json(look_to_json(None, None), None) is None


def test_a_look_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Look().stretch = "log"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"stretch": "cubic"}, "stretch cannot be 'cubic'. Use one of: linear, asinh, log, sqrt."),
        ({"limits": 99}, "limits cannot be 99"),
        ({"colour_map": "jet"}, "colour_map cannot be 'jet'"),
        ({"brightness": 1.01}, "brightness must be between 0 and 1"),
        ({"contrast": 0}, "contrast must be between 0.1 and 10"),
        ({"contrast": float("nan")}, "contrast must be a number"),
        ({"brightness": True}, "brightness must be a number"),
        ({"invert": 1}, "invert is True or False"),
        ({"bands": "BGR"}, "bands cannot be 'BGR'"),
        ({"bands": ""}, "bands cannot be ''"),
        ({"stretch": ["log"]}, "stretch cannot be"),
    ],
)
def test_a_look_that_is_none_is_refused_with_what_would_be_one(settings: dict[str, Any], reason: str):
    with pytest.raises(InputError, match=reason.replace("[", r"\[")):
        Look(**settings)
