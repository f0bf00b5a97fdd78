from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from coloured import BLUE, GREEN, RED, colour_of, encoded, save
from PIL import Image

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.pool import UnreadableImageError, open_pool


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of a user without the rights of root, whom the file system may refuse something."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if root:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            for path in folder.rglob("*"):
                path.chmod(0o700)


# --- listing ---------------------------------------------------------------------------------------


def test_a_folder_is_read_recursively_with_sorted_relative_ids(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.jpg", "a/B.JPEG", "a.tiff", "c/d/e.WebP", "f.Tif"):
        save(tmp_path / name)
    pool = open_pool(tmp_path)
    assert list(pool.ids) == ["a.tiff", "a/B.JPEG", "a/z.jpg", "b.png", "c/d/e.WebP", "f.Tif"]
    assert pool.name == tmp_path.name
    assert pool.path == tmp_path
    assert [pool.index(image_id) for image_id in pool.ids] == list(range(6))
    assert pool.read(range(6), 16).pixels.shape == (6, 3, 16, 16)


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / ".ipynb_checkpoints" / "a-checkpoint.png")
    save(tmp_path / "sub" / ".hidden.png")
    assert list(open_pool(tmp_path).ids) == ["a.png"]


@pytest.mark.parametrize(
    "name",
    [
        "SDSS J0946+1006 @ z=0.2&x.y.jpg",
        'it\'s "quoted".png',
        "α Ω 銀河 🌌.png",
        "new\nline.png",
        "a" * 246 + ".jpg",
        "percent%20.png",
        "back\\slash.png",
    ],
)
def test_names_from_the_wild_are_ids_as_they_are(tmp_path: Path, name: str) -> None:
    save(tmp_path / "x & y" / name, BLUE)
    pool = open_pool(tmp_path)
    assert list(pool.ids) == [f"x & y/{name}"]
    assert colour_of(pool.read([0], 32).pixels[0])[2] > 250


def test_a_name_that_is_not_utf8_is_reported_and_left_out(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:
        file.write((tmp_path / "a.png").read_bytes())
    pool = open_pool(tmp_path)
    assert list(pool.ids) == ["a.png"]
    assert dict(pool.report.skipped) == {"caf\\xe9.png": "its name is not UTF-8"}
    assert pool.report.sentence() == "1 entry was passed over: caf\\xe9.png (its name is not UTF-8)."


def test_links_to_folders_are_followed_and_never_lead_in_circles(tmp_path: Path) -> None:
    pool_folder = tmp_path / "pool"
    save(pool_folder / "a" / "one.png")
    save(tmp_path / "elsewhere" / "two.png")
    (pool_folder / "0_link").symlink_to(tmp_path / "elsewhere")
    (pool_folder / "a" / "up").symlink_to(pool_folder)
    (tmp_path / "elsewhere" / "back").symlink_to(pool_folder / "a")
    (pool_folder / "self").symlink_to("self")
    assert list(open_pool(pool_folder, follow_links=True).ids) == ["0_link/two.png", "a/one.png"]


def test_a_folder_and_a_link_to_it_give_each_image_once_by_its_own_name(tmp_path: Path) -> None:
    save(tmp_path / "real" / "one.png")
    (tmp_path / "also").symlink_to("real")
    assert list(open_pool(tmp_path).ids) == ["real/one.png"]


def test_a_link_to_an_image_is_an_image_and_a_link_to_nothing_is_reported(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "c.png").symlink_to("fetched-later.png")
    pool = open_pool(tmp_path)
    assert list(pool.ids) == ["a.png", "b.png"]
    assert dict(pool.report.skipped) == {"c.png": "a link to nothing"}


def test_a_pipe_with_the_name_of_an_image_is_never_waited_for(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    pool = open_pool(tmp_path)
    assert list(pool.ids) == ["a.png"]
    assert dict(pool.report.skipped) == {"b.png": "not a regular file"}


def test_a_folder_without_permission_is_reported_and_the_rest_is_read(ordinary_user: Path) -> None:
    save(ordinary_user / "a.png")
    save(ordinary_user / "closed" / "b.png")
    (ordinary_user / "closed").chmod(0)
    pool = open_pool(ordinary_user)
    assert list(pool.ids) == ["a.png"]
    assert dict(pool.report.skipped) == {"closed/": "permission denied"}


def test_the_digest_is_of_the_ids_wherever_the_folder_lies(tmp_path: Path) -> None:
    for folder in ("one", "two", "three"):
        save(tmp_path / folder / "a.png")
    save(tmp_path / "three" / "b.png")
    one, two, three = (open_pool(tmp_path / name) for name in ("one", "two", "three"))
    assert one.digest == two.digest
    assert one.digest != three.digest
    assert int(one.digest, 16) > 0


# --- paths that are no pool --------------------------------------------------------------------------


def _missing(folder: Path) -> Path:
    return folder / "nowhere"


def _empty(folder: Path) -> Path:
    return folder


def _without_images(folder: Path) -> Path:
    for name in ("a.jfif", "b.JFIF", "c.csv", "README"):
        (folder / name).touch()
    return folder


def _single_image(folder: Path) -> Path:
    return save(folder / "a.png")


def _neither(folder: Path) -> Path:
    path = folder / "notes.md"
    path.touch()
    return path


def _circle(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing, ["There is no folder or file", "nowhere", "Check"]),
        (_empty, ["is empty", "Give a folder"]),
        (_without_images, ["4 other files", ".jfif", ".csv", "no suffix", "Give a folder"]),
        (_single_image, ["is a single image", "Give the folder"]),
        (_neither, ["neither a folder nor a file of many images", "notes.md", "Give a folder"]),
        (_circle, ["Cannot open", "loop", "Check"]),
    ],
)
def test_what_is_no_pool_is_said_in_one_clear_line(
    tmp_path: Path, make: Callable[[Path], Path], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        open_pool(make(tmp_path))
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("option", ["array", "ids"])
def test_what_only_a_file_of_many_images_has_is_refused_of_a_folder(tmp_path: Path, option: str):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=f"image files, .* --{option} names finds nothing there"):
        open_pool(tmp_path, **{option: "names"})


def test_a_closed_folder_is_said_to_lack_permission(ordinary_user: Path) -> None:
    closed = ordinary_user / "closed"
    save(closed / "sub" / "a.png")
    closed.chmod(0)
    for path in (closed, closed / "sub"):
        with pytest.raises(InputError, match=r"Cannot open .*Permission denied.*[Cc]heck"):
            open_pool(path)


def test_a_folder_with_nothing_but_broken_links_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("fetched-later.png")
    with pytest.raises(InputError, match=r"a\.png \(a link to nothing\)"):
        open_pool(tmp_path)


# --- reading -----------------------------------------------------------------------------------------


def test_images_come_in_the_order_asked_for_and_as_often(tmp_path: Path) -> None:
    for name, color in (("a.png", RED), ("b.png", GREEN), ("c.png", BLUE)):
        save(tmp_path / name, color)
    batch = open_pool(tmp_path).read(np.array([2, 0, 2, 1], np.int32), 16)
    assert batch.indices.tolist() == [2, 0, 2, 1]
    assert batch.indices.dtype == np.int64
    assert batch.pixels.dtype == np.uint8
    assert batch.pixels.flags.c_contiguous
    assert [colour_of(image) for image in batch.pixels] == [BLUE, RED, BLUE, GREEN]


def test_reading_nothing_gives_an_empty_batch(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    batch = open_pool(tmp_path).read([], 16)
    assert batch.indices.shape == (0,)
    assert batch.pixels.shape == (0, 3, 16, 16)


@pytest.mark.parametrize("indices", [[-1], [0, 1], [0.5], [[0]], [2**63]])
def test_indices_outside_the_pool_are_refused(tmp_path: Path, indices: list[int]) -> None:
    save(tmp_path / "a.png")
    pool = open_pool(tmp_path)
    with pytest.raises(IndexError):
        pool.read(indices, 16)
    with pytest.raises(KeyError):
        pool.index("b.png")


@pytest.mark.parametrize("index", [-1, 1])
def test_a_single_image_outside_the_pool_is_refused(tmp_path: Path, index: int) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(IndexError):
        open_pool(tmp_path).image(index)


# --- what cannot be read ---------------------------------------------------------------------------------


def test_unreadable_images_are_left_out_and_reported_with_the_reason(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.jpg", BLUE, (64, 64)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:-40])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("<html>404 Not Found</html>")
    save(tmp_path / "gone.png")
    save(tmp_path / "z.png", GREEN)
    pool = open_pool(tmp_path)
    (tmp_path / "gone.png").unlink()
    batch = pool.read(range(6), 32)
    assert [pool.ids[index] for index in batch.indices] == ["a.jpg", "z.png"]
    assert colour_of(batch.pixels[1]) == GREEN
    assert batch.pixels.flags.c_contiguous
    assert dict(pool.report.unreadable) == {
        "cut.jpg": "truncated",
        "empty.png": "empty file",
        "gone.png": "no longer there",
        "text.png": "not an image of a known format",
    }
    assert len(pool.report) == 4
    assert pool.report.sentence() == (
        "4 of 6 images could not be read: cut.jpg (truncated), empty.png (empty file), "
        "gone.png (no longer there), text.png (not an image of a known format)."
    )


def test_asking_for_one_unreadable_image_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "a b.jpg").write_bytes(encoded(Image.new("RGB", (64, 64)), "JPEG")[:-40])
    pool = open_pool(tmp_path)
    with pytest.raises(UnreadableImageError, match=r"a b\.jpg cannot be read \(truncated\)") as caught:
        pool.image(0)
    assert isinstance(caught.value, InputError)
    assert dict(pool.report.unreadable) == {"a b.jpg": "truncated"}


def test_a_file_without_permission_is_reported(ordinary_user: Path) -> None:
    save(ordinary_user / "a.png").chmod(0)
    pool = open_pool(ordinary_user)
    assert len(pool.read([0], 32).indices) == 0
    assert dict(pool.report.unreadable) == {"a.png": "permission denied"}


# --- real images -------------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_a_survey_of_26174_images_is_listed_at_once(shared_data: Path) -> None:
    start = time.thread_time()  # of the processor, whatever else it does
    pool = open_pool(shared_data / "survey" / "images")
    assert time.thread_time() - start < 2
    assert len(pool) == 26_174
    assert len(pool.read(range(0, 26_174, 1000), 64).indices) == 27


@pytest.mark.shared_data
def test_a_truncated_jpeg_of_a_real_survey_is_reported_and_skipped(shared_data: Path) -> None:
    pool = open_pool(shared_data / "hostile")
    assert len(pool.read(range(len(pool)), 64).indices) == len(pool) - 1
    assert dict(pool.report.unreadable) == {"truncated.jpg": "truncated"}
