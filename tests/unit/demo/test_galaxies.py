"""GalaxyMNIST from a real web server on this machine, with small archives of the published form."""

from __future__ import annotations

import contextlib
import functools
import json
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import processes
import pytest
from archives import TEST_IMAGES, TRAIN_IMAGES, compress, draw_galaxies, publish, write_archives

from anomalymatch_ui.demo import galaxies, galaxy_mnist, search_galaxies
from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.labels import read_labels_csv
from anomalymatch_ui.pool import open_pool

Demo = Callable[..., contextlib.AbstractContextManager[processes.Command]]


class Handler(SimpleHTTPRequestHandler):
    asked: tuple[str, ...] = ()

    def log_message(self, format: str, *args: object) -> None:
        Handler.asked += (self.path,)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the server gives out, and from which the archives are taken to be published."""
    folder = tmp_path / "shelf"
    write_archives(folder)
    Handler.asked = ()
    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        publish(folder, f"http://127.0.0.1:{server.server_port}", monkeypatch)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def test_it_is_downloaded_once_and_becomes_one_pool(shelf: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    found = galaxy_mnist(tmp_path / "cache", progress=lambda done, total: calls.append((done, total)))
    assert Handler.asked == ("/train_dataset.hdf5.gz", "/test_dataset.hdf5.gz")
    assert calls[-1][0] == calls[-1][1] == (shelf / "test_dataset.hdf5.gz").stat().st_size // 1000
    pool = open_pool(found.images)
    assert (len(pool), found.train_images) == (TRAIN_IMAGES + TEST_IMAGES, TRAIN_IMAGES)
    train, test = draw_galaxies(TRAIN_IMAGES, 0), draw_galaxies(TEST_IMAGES, 1)
    assert np.array_equal(pool.image(5), train[0][5])
    assert np.array_equal(pool.image(TRAIN_IMAGES + 7), test[0][7])
    assert found.classes[2] == "edge_on_disk"
    assert found.classes == tuple(galaxies.CLASSES[number] for number in np.concatenate([train[1], test[1]]))
    assert galaxy_mnist(tmp_path / "cache") == found
    assert len(Handler.asked) == 2


def test_archives_and_their_unpacked_file_need_no_network(shelf: Path) -> None:
    found = galaxy_mnist(shelf, download=False)
    assert Handler.asked == ()
    for name in ("train_dataset.hdf5.gz", "test_dataset.hdf5.gz"):
        (shelf / name).unlink()
    assert galaxy_mnist(shelf, download=False) == found


def test_by_default_it_lies_in_the_users_cache(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert galaxy_mnist().images.is_relative_to(tmp_path / "cache" / "anomalymatch-ui")


def test_without_a_network_the_sentence_says_what_to_fetch_and_where_to_put_it(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(shelf, "http://127.0.0.1:1", monkeypatch)
    path = tmp_path / "cache" / "train_dataset.hdf5.gz"
    with pytest.raises(InputError, match="Connection refused") as refusal:
        galaxy_mnist(tmp_path / "cache")
    assert f"Cannot download http://127.0.0.1:1/{path.name}" in str(refusal.value)
    assert f"put the file at {path}" in str(refusal.value)
    with pytest.raises(InputError, match="may not be downloaded") as refusal:
        galaxy_mnist(tmp_path / "cache", download=False)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_no_longer_published_is_told(shelf: Path, tmp_path: Path) -> None:
    (shelf / "test_dataset.hdf5.gz").unlink()
    with pytest.raises(InputError, match="the server answered 404"):
        galaxy_mnist(tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["train_dataset.hdf5.gz"]


def test_what_the_server_gives_is_kept_only_if_it_is_the_published_file(shelf: Path, tmp_path: Path) -> None:
    archive = shelf / "train_dataset.hdf5.gz"
    archive.write_bytes(archive.read_bytes()[:-50])
    with pytest.raises(InputError, match="not the published file"):
        galaxy_mnist(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_connection_that_is_cut_off_leaves_nothing(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(handler: Handler, source: object, target: object) -> None:
        handler.wfile.write((shelf / "train_dataset.hdf5.gz").read_bytes()[:1000])
        handler.close_connection = True

    monkeypatch.setattr(Handler, "copyfile", cut_off)
    with pytest.raises(InputError, match=r"train_dataset\.hdf5\.gz"):
        galaxy_mnist(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_archive_on_disk_is_refused_and_left_there(shelf: Path) -> None:
    archive = shelf / "test_dataset.hdf5.gz"
    damaged = archive.read_bytes()[:-50]
    archive.write_bytes(damaged)
    with pytest.raises(InputError, match=r"test_dataset\.hdf5\.gz is damaged or another file: its MD5 is"):
        galaxy_mnist(shelf)
    assert archive.read_bytes() == damaged
    assert not (shelf / "galaxy_mnist.hdf5").exists()


IMAGES, LABELS = draw_galaxies(8, 0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not gzip at all", "Cannot unpack"),
        (compress(IMAGES, LABELS)[:-9], "Cannot unpack"),
        (compress(IMAGES, LABELS)[:20] + bytes(40) + compress(IMAGES, LABELS)[60:], "Cannot unpack"),
        (compress(IMAGES[:, ::2, ::2], LABELS), "not an archive of GalaxyMNIST"),
        (compress(IMAGES.astype(float), LABELS), "not an archive of GalaxyMNIST"),
        (compress(IMAGES, LABELS[:-1]), "not an archive of GalaxyMNIST"),
        (compress(IMAGES, LABELS + 1), "not an archive of GalaxyMNIST"),
    ],
)
def test_an_archive_that_holds_something_else_is_refused(
    content: bytes, sentence: str, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shelf / "train_dataset.hdf5.gz").write_bytes(content)
    publish(shelf, "http://127.0.0.1:1", monkeypatch)
    with pytest.raises(InputError, match=sentence) as refusal:
        galaxy_mnist(shelf)
    assert "train_dataset.hdf5.gz" in str(refusal.value)
    assert not (shelf / "galaxy_mnist.hdf5").exists()


def test_an_unpacked_file_that_is_damaged_is_refused(shelf: Path) -> None:
    images = galaxy_mnist(shelf).images
    content = images.read_bytes()
    for damaged in (b"", content[:2000], compress(IMAGES, LABELS)):
        images.write_bytes(damaged)
        with pytest.raises(InputError, match="Remove it, and run this again to make it anew"):
            galaxy_mnist(shelf)


def test_a_full_disk_is_told_and_keeps_no_half_file(shelf: Path, full_disk: Path) -> None:
    with pytest.raises(StorageError, match="Free some space"):
        galaxy_mnist(full_disk)
    assert not list(full_disk.iterdir())


def test_a_search_starts_from_ten_anomalies_and_thirty_nominals_of_a_class(shelf: Path) -> None:
    search = search_galaxies("smooth_cigar", shelf)
    found = galaxy_mnist(shelf)
    labels = read_labels_csv(search.labels).labels
    assert sorted(labels.values()) == ["anomaly"] * 10 + ["nominal"] * 30
    truth = found.labels("smooth_cigar")
    assert all(truth[name] == label for name, label in labels.items())
    assert {found.classes[int(name)] for name, label in labels.items() if label == "anomaly"} == {
        "smooth_cigar"
    }
    assert search.images == found.images
    assert search_galaxies("smooth_round", shelf).session != search.session
    assert search_galaxies(folder=shelf).labels.name == "edge_on_disk.csv"


def test_an_unknown_class_is_refused_before_anything_is_downloaded(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no class 'edge-on'\. Choose one of: edge_on_disk, smooth_cigar"):
        search_galaxies("edge-on", tmp_path / "cache")
    assert Handler.asked == ()


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return functools.partial(processes.started, "demo", "--no-browser", "--port", 0, cwd=tmp_path)


def test_the_demo_opens_on_galaxies_that_are_there(shelf: Path, tmp_path: Path, demo: Demo) -> None:
    galaxy_mnist(shelf).images.parent.rename(tmp_path / "galaxies")
    (tmp_path / "cache" / "anomalymatch-ui").mkdir(parents=True)
    (tmp_path / "galaxies").rename(tmp_path / "cache" / "anomalymatch-ui" / "galaxy-mnist")
    with demo("--galaxy-mnist", "--anomaly", "smooth_round", "--no-download", "--json") as command:
        answer = json.loads(command.first_line(timeout=300))
        command.send_signal(signal.SIGINT)
        command.wait(timeout=180)
    assert Path(answer["session"]).name == "smooth_round.session"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--galaxy-mnist", "--no-download"], "may not be downloaded"),
        (["--galaxy-mnist", "--anomaly", "round"], "GalaxyMNIST has no class 'round'"),
        (["--anomaly", "smooth_round"], "--anomaly goes with --galaxy-mnist"),
    ],
)
def test_a_demo_that_cannot_open_says_why_in_one_line(
    arguments: list[str], sentence: str, demo: Demo
) -> None:
    with demo(*arguments) as command:
        finished = command.finished(timeout=180)
    assert finished.returncode == 2
    assert len(finished.stderr.splitlines()) == 1
    assert sentence in finished.stderr
