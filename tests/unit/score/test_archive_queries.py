from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from checkpoints import make_network
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring import QuickEngine, names, quick_score

from anomalymatch_ui.config import ScoreConfig
from anomalymatch_ui.errors import InputError
from anomalymatch_ui.score import DamagedStoreError, Ranked, ScoreFilter, Scores, score_archive
from anomalymatch_ui.score import sorting as sorting_module

IDS = [f"{('a', 'b', 'ä')[number % 3]}/{number:04d}.jpg" for number in range(1000)]
Row = tuple[int, str, np.float32]


def plainly_sorted(ids: list[str]) -> list[Row]:
    """Rank, id and score of what can be read, sorted by plain Python: ties by id."""
    scored = [(-quick_score(image_id), image_id) for index, image_id in enumerate(ids) if index % 13 != 12]
    return [(rank, image_id, -score) for rank, (score, image_id) in enumerate(sorted(scored), start=1)]


def rows(found: Ranked) -> list[Row]:
    return list(zip(found.ranks.tolist(), found.ids, found.scores, strict=True))


def make_archive(folder: Path, ids: list[str] = IDS, shard_size: int = 64) -> Path:
    score_archive(names(ids), make_network(), folder, QuickEngine(ids), ScoreConfig(), shard_size=shard_size)
    return folder


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scores]:
    with Scores(make_archive(tmp_path_factory.mktemp("it's [all] *?") / "archive")) as opened:
        yield opened


EXPECTED = plainly_sorted(IDS)


@given(start=st.integers(0, 1100), count=st.integers(0, 300))
@settings(max_examples=40, deadline=None)
def test_every_page_is_that_of_a_plain_sort(scores: Scores, start: int, count: int) -> None:
    assert rows(scores.page(start, count)) == EXPECTED[start : start + count]


bounds = st.one_of(
    st.none(), st.sampled_from([row[2] for row in EXPECTED[::90]]), st.floats(-1e300, 1e300), st.floats(0, 1)
)


@given(
    wanted=st.builds(
        ScoreFilter,
        lowest=bounds,
        highest=bounds,
        prefix=st.sampled_from([None, "", "a", "a/00", "ä/", "z", "%", "a_"]),
        like=st.sampled_from([None, "%7.jpg", "_/_00_.jpg", "%ä%", "A/%", "100%"]),
    ),
    start=st.integers(0, 40),
)
@settings(max_examples=40, deadline=None)
def test_a_filter_gives_what_python_would_have_picked(
    scores: Scores, wanted: ScoreFilter, start: int
) -> None:
    lowest = np.float32(np.clip(-9 if wanted.lowest is None else wanted.lowest, -9, 9))
    highest = np.float32(np.clip(9 if wanted.highest is None else wanted.highest, -9, 9))
    expected = [
        row
        for row in EXPECTED
        if lowest <= row[2] <= highest
        and row[1].startswith(wanted.prefix or "")
        and (wanted.like is None or like(row[1], wanted.like))
    ]
    assert scores.count(wanted) == len(expected)
    assert rows(scores.where(wanted, start, 20)) == expected[start : start + 20]


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE, for patterns as short as those above."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[cut:], pattern[1:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


@pytest.mark.parametrize("bins", [1, 7, 100])
def test_the_histogram_counts_each_score_once(scores: Scores, bins: int) -> None:
    counts = scores.histogram(bins)
    values = np.array([row[2] for row in EXPECTED], np.float64)
    np.testing.assert_array_equal(counts, np.bincount(np.minimum((values * bins).astype(int), bins - 1)))
    assert counts.sum() == len(scores) == len(EXPECTED)


def test_each_image_has_its_score_rank_and_place(scores: Scores) -> None:
    for rank, image_id, score in EXPECTED[::83]:
        assert scores.score_of(image_id) == score
        assert scores.rank_of(image_id) == rank
        place = scores.place_of(image_id)
        assert place is not None
        assert scores.archive.read(place[0]).ids[place[1]] == image_id
    for unknown in ("a/9999.jpg", IDS[12], "", "' or 1=1 --"):
        assert scores.score_of(unknown) is None
        assert scores.rank_of(unknown) is None
        assert scores.place_of(unknown) is None


def test_the_highest_come_first_and_the_ranking_is_a_parquet_file_anybody_can_read(scores: Scores) -> None:
    assert rows(scores.top(5)) == EXPECTED[:5]
    table = parquet.read_table(scores.archive.folder / "ranking.parquet")
    assert table["id"].to_pylist() == [row[1] for row in EXPECTED]
    assert table["rank"].to_pylist() == list(range(1, len(EXPECTED) + 1))
    assert not np.isnan(table["score"].to_numpy()).any()


@pytest.mark.parametrize(("name", "column"), [("ranking.parquet", "rank"), ("by-id.parquet", "id")])
def test_a_page_and_an_id_are_in_one_row_group_as_its_statistics_tell(
    name: str, column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting_module, "ROW_GROUP", 2048)
    folder = make_archive(tmp_path, [f"{number:05d}" for number in range(10_000)], shard_size=4096)
    metadata = parquet.ParquetFile(folder / name).metadata
    assert metadata.num_row_groups == 5
    place = metadata.schema.names.index(column)
    statistics = [metadata.row_group(group).column(place).statistics for group in range(5)]
    bounds = [bound for group in statistics for bound in (group.min, group.max)]
    assert bounds == sorted(bounds)


def test_sorted_files_that_are_gone_are_made_again(tmp_path: Path) -> None:
    folder = make_archive(tmp_path)
    before = (folder / "ranking.parquet").read_bytes()
    (folder / "ranking.parquet").unlink()
    (folder / "by-id.parquet").unlink()
    with Scores(folder) as scores:
        assert rows(scores.top(3)) == EXPECTED[:3]
    assert (folder / "ranking.parquet").read_bytes() == before


def test_the_ranking_is_forgotten_as_soon_as_a_shard_is_written_anew(tmp_path: Path) -> None:
    make_archive(tmp_path)
    (tmp_path / "ranking.parquet").write_bytes(b"of a shard that is gone")
    (tmp_path / "shard-0000003.parquet").unlink()
    make_archive(tmp_path)
    with Scores(tmp_path) as scores:
        assert rows(scores.top(3)) == EXPECTED[:3]


@pytest.mark.parametrize("name", ["ranking.parquet", "by-id.parquet"])
def test_a_damaged_file_is_a_sentence(name: str, tmp_path: Path) -> None:
    make_archive(tmp_path)
    (tmp_path / name).write_bytes(b"PAR1 and nothing more PAR1")
    with pytest.raises(DamagedStoreError, match="cannot be read"), Scores(tmp_path) as scores:
        scores.score_of(IDS[0])


def test_a_damaged_shard_ends_the_sorting_in_a_sentence(tmp_path: Path) -> None:
    make_archive(tmp_path)
    (tmp_path / "ranking.parquet").unlink()
    (tmp_path / "shard-0000003.parquet").write_bytes(b"PAR1")
    with pytest.raises(DamagedStoreError, match="makes what is damaged anew"):
        Scores(tmp_path)
    assert not (tmp_path / "ranking.parquet").exists()


@pytest.mark.parametrize("bound", [float("nan"), float("inf")])
def test_a_bound_that_is_no_number_is_refused(bound: float) -> None:
    with pytest.raises(InputError, match="must be a number"):
        ScoreFilter(lowest=bound)


@pytest.mark.parametrize("arguments", [(-1, 3), (0, -3)])
def test_a_negative_page_is_refused(arguments: tuple[int, int], scores: Scores) -> None:
    with pytest.raises(ValueError, match="page"):
        scores.page(*arguments)


def test_several_threads_may_ask_at_once(scores: Scores) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def ask(start: int) -> Any:
        return rows(scores.page(start, 10))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(0, 400, 10))) == [
            EXPECTED[start : start + 10] for start in range(0, 400, 10)
        ]


@pytest.mark.parametrize("name", ["id=9", "rank=7/shard=3", "~home", "score=0.5/row=1"])
def test_the_name_of_a_folder_changes_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    with Scores(make_archive(Path(name))) as scores:
        assert rows(scores.page(0, 5)) == EXPECTED[:5]
        rank, image_id, score = EXPECTED[7]
        assert (scores.rank_of(image_id), scores.score_of(image_id)) == (rank, score)
        place = scores.place_of(image_id)
        assert place is not None
        assert scores.archive.read(place[0]).ids[place[1]] == image_id


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 40] = bytes(40)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["ranking.parquet", "by-id.parquet"])
@pytest.mark.parametrize("damage", [cut, overwrite])
def test_a_sorted_file_that_is_damaged_is_made_anew_by_the_same_command(
    name: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    whole = (make_archive(tmp_path) / name).read_bytes()
    damage(tmp_path / name)
    make_archive(tmp_path)
    assert (tmp_path / name).read_bytes() == whole
    with Scores(tmp_path) as scores:
        assert rows(scores.page(0, 1000)) == EXPECTED
