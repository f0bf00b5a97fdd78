from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.config import PRESETS, Config
from anomalymatch_ui.errors import InputError, SessionBusyError
from anomalymatch_ui.session import Session, SettingsError
from anomalymatch_ui.session.work.settings import changes, configured, main_settings, preset_of, value_of


@pytest.fixture
def session(pool_folder: Path, quick: Config, tmp_path: Path) -> Iterator[Session]:
    with Session.open(tmp_path / "session", pool_folder, config=quick, annotator="ada") as opened:
        yield opened


def test_each_main_setting_is_explained_in_words_and_has_a_value() -> None:
    settings = main_settings()
    assert len({setting.title for setting in settings}) == len(settings) == 15
    for setting in settings:
        assert len(setting.description.split()) >= 5, setting.name
        value_of(Config(), setting.name)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("train.steps", "0", "Steps must be a whole number of at least 1 and at most 1000000, not 0."),
        ("train.steps", "2.5", "Steps must be a whole number of at least 1 and at most 1000000, not 2.5."),
        ("train.steps", "many", "Steps must be a whole number of at least 1 and at most 1000000, not many."),
        ("train.steps", "", "Steps must be a whole number of at least 1 and at most 1000000."),
        ("train.every", "-5", "Train automatically must be a whole number of at least 0, not -5."),
        ("train.learning_rate", "inf", "Learning rate must be a number above 0, not inf."),
        ("train.learning_rate", "nan", "Learning rate must be a number above 0, not nan."),
        (
            "train.confidence_threshold",
            "95",
            "Threshold must be a number of at least 0.5 and at most 1, not 95.",
        ),
        (
            "prevalence",
            "2",
            "The prevalence must be a share above 0 and below 100 %, such as 6 %, 0.06 or 1 in 200, not 2. "
            "For 2 in a hundred, write 2 %.",
        ),
        ("symmetry", "round", "Symmetry must be one of auto, none, mirror, square, not round."),
        ("device", "gpu", "Device must be auto, cpu, mps, cuda, or cuda: and a number, not gpu."),
        ("train.align", "maybe", "Alignment must be on or off, not maybe."),
        ("train.speed", "1", "There is no setting 'train.speed'."),
        ("train", "1", "There is no setting 'train'."),
        ("", "1", "There is no setting ''."),
    ],
)
def test_what_cannot_be_used_is_a_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        configured(Config(), {name: value})
    assert caught.value.sentences == {name: sentence}


def test_every_wrong_setting_has_its_own_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        configured(Config(), {"train.steps": "0", "prevalence": "x", "train.align": False})
    assert set(caught.value.sentences) == {"train.steps", "prevalence"}
    assert str(caught.value) == " ".join(caught.value.sentences.values())


def test_a_device_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        configured(Config(), {"device": "cuda:77"})
    assert "no device 'cuda:77' on this machine" in caught.value.sentences["device"]


@given(value=st.text(max_size=12), setting=st.sampled_from(main_settings()))
def test_any_text_in_a_field_is_a_setting_or_a_sentence(value: str, setting: object) -> None:
    name = setting.name  # type: ignore[attr-defined]
    if name == "device":
        return
    changed, sentences = Config(), {}
    try:
        changed = configured(Config(), {name: value})
    except SettingsError as error:
        sentences = error.sentences
    assert set(changes(Config(), changed)) | set(sentences) <= {name}
    assert all(sentence.endswith(".") for sentence in sentences.values())


def test_a_preset_keeps_what_belongs_to_the_images_and_the_machine() -> None:
    config = configured(
        Config(), {"prevalence": "0.02", "train.every": 20, "device": "cpu", "train.steps": 7}
    )
    paper = configured(config, {}, "paper")
    assert (paper.prevalence, paper.train.every, paper.device) == (0.02, 20, "cpu")
    assert paper.train.steps == Config.preset("paper").train.steps
    assert (preset_of(paper), preset_of(config)) == ("paper", None)
    assert preset_of(configured(paper, {}, "default")) == "default"
    assert [preset_of(Config.preset(name)) for name in PRESETS] == list(PRESETS)
    with pytest.raises(InputError, match="no preset 'fast'"):
        configured(config, {}, "fast")


def test_changed_settings_are_on_disk_and_the_next_cycle_follows_them(session: Session) -> None:
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg"], "nominal")
    assert session.configure({"train.steps": "2"}) is False
    assert Config.load(session.path / "config.toml").train.steps == 2
    assert "next cycle" in session.status.message
    session.train(wait=True)
    assert session.cycles.all()[0].steps == 2
    assert session.configure({"prevalence": 0.1}) is True
    assert "next ranking" in session.status.message
    assert "looked at" not in session.status.message


def test_settings_that_need_every_image_again_say_so(session: Session) -> None:
    session.rank(wait=True)
    session.configure({"embedding.components": 16})
    assert "every image has to be looked at again" in session.status.message
    session.rank(wait=True)
    assert session.ranking().version == 2


def test_settings_of_an_adaptation_change_nothing_where_no_adapted_network_looks(session: Session) -> None:
    session.rank(wait=True)
    assert session.configure({"adapt.steps": 9}) is False
    assert "ranking" not in session.status.message
    assert session.configure({"embedding.adapt": True}) is True
    assert session.configure({"adapt.steps": 10}) is True


def test_what_an_editor_writes_while_a_job_runs_is_kept_and_followed_after_it(session: Session) -> None:
    session.configure({"train.steps": 1000})
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg"], "nominal")
    session.train()
    path = session.path / "config.toml"
    Config.load(path).with_values(train={"learning_rate": 0.002}).save(path)
    session.configure({"train.steps": 5})
    kept = Config.load(path).train
    assert (kept.learning_rate, kept.steps) == (0.002, 5)
    session.stop()
    session.wait(120)
    assert (session.config.train.learning_rate, session.config.train.steps) == (0.002, 5)


def test_while_a_job_runs_what_it_reads_cannot_change(session: Session) -> None:
    session.configure({"train.steps": 1000})
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg"], "nominal")
    session.train()
    session.configure({"train.steps": 5})
    with pytest.raises(SettingsError, match="Prevalence cannot change while something runs: stop it first"):
        session.configure({"prevalence": 0.1})
    session.stop()
    session.wait(120)
    session.configure({"prevalence": 0.1})
    assert session.config.train.steps == 5


def test_a_cycle_that_the_new_settings_give_up_is_told_of(session: Session) -> None:
    session.configure({"train.steps": 1000})
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg"], "nominal")
    session.train()
    while session.status.progress.loss is None:
        assert session.status.error is None
    session.stop()
    assert session.wait(120).interrupted_step is not None
    session.configure({"train.steps": 3})
    assert session.status.interrupted_step is not None
    session.configure({}, preset="default")
    assert session.status.interrupted_step is None
    assert "Cycle 1, which was stopped, began with other settings" in session.status.message


def test_a_preset_after_a_cycle_trains_its_own_network_next(session: Session) -> None:
    session.label(["0000.jpg", "0001.jpg"], "anomaly")
    session.label(["0020.jpg", "0021.jpg"], "nominal")
    session.train(wait=True)
    session.configure({"train.steps": 1}, preset="default")
    assert session.config.network.image_size is None
    session.train(wait=True)
    assert session.status.cycle == 2
    assert session.ranking().source == "cycle 2 and linear head"


def test_without_the_lock_nothing_changes(session: Session) -> None:
    with (
        Session.open(session.path, session.pool.path, annotator="bob", take_over=True),
        pytest.raises(SessionBusyError),
    ):
        session.configure({"train.steps": 9})
    assert session.config.train.steps == 3
