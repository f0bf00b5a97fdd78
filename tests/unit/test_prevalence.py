from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.prevalence import in_per_cent, read_prevalence


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ("6 %", 0.06),
        ("6%", 0.06),
        (" 0.5 % ", 0.005),
        ("6 per cent", 0.06),
        ("0.06", 0.06),
        ("5e-4", 0.0005),
        (0.06, 0.06),
        ("1 in 200", 0.005),
        ("1/200", 0.005),
        ("3 out of 1,000", 0.003),
        ("1 in 1,000,000", 1e-6),
    ],
)
def test_a_share_is_read_as_people_write_it(written: str | float, share: float) -> None:
    assert read_prevalence(written) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "banana",
            "0",
            "0 %",
            "100 %",
            "120%",
            "-1 %",
            "0,06",
            "0,005",
            "1 in 0",
            "3 in 2",
            "nan",
            "inf",
        ),
        *("%", 0, 1, -0.1, float("nan"), True, None, [0.1]),
    ],
)
def test_what_is_no_share_is_refused_in_a_sentence(written: object) -> None:
    with pytest.raises(ValueError, match=r"such as 6 %, 0\.06 or 1 in 200, not"):
        read_prevalence(written)


@pytest.mark.parametrize("written", ["6", 6, "6.0"])
def test_a_number_meant_in_per_cent_is_refused_with_the_words_to_write(written: object) -> None:
    with pytest.raises(ValueError, match="For 6 in a hundred, write 6 %"):
        read_prevalence(written)


@given(st.text(max_size=20))
def test_any_text_is_a_share_or_a_sentence(written: str) -> None:
    sentence = "the prevalence must be"
    try:
        share = read_prevalence(written)
    except ValueError as error:
        share, sentence = 0.5, str(error)
    assert 0 < share < 1
    assert sentence.startswith("the prevalence must be")


@given(st.floats(1e-6, 0.99))
def test_per_cent_keep_two_digits_and_can_be_read_again(share: float) -> None:
    assert read_prevalence(in_per_cent(share)) == pytest.approx(share, rel=0.051)


def test_settings_take_it_from_a_file_an_assignment_and_a_script(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('prevalence = "1 in 200"')
    assert Config.load(tmp_path / "config.toml").prevalence == 0.005
    assert Config().with_assignment("prevalence=6 %").prevalence == pytest.approx(0.06)
    assert Config().with_values(prevalence="0.06").prevalence == 0.06
    with pytest.raises(
        InputError, match=r"Cannot use prevalence in .*, not 6\. For 6 in a hundred, write 6 %\.$"
    ):
        Config().with_assignment("prevalence=6")
