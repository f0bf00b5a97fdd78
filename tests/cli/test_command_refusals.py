"""What a command refuses, in one line."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Run, refused
from images import make_pool


def test_an_empty_folder_a_folder_without_images_and_a_missing_path_are_refused(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").write_text("no image")
    for command in (["info"], ["serve", "--no-browser"]):
        refused(run(command[0], tmp_path / "empty", *command[1:]), "empty")
        refused(run(command[0], tmp_path / "texts", *command[1:]), "no images")
        refused(run(command[0], tmp_path / "missing", *command[1:]), "missing")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,class\na,b\n", "filename"),
        ("", "empty"),
        ("filename,label\n0000.jpg,odd\n", "odd"),
        ("filename,label\n0000.jpg,anomaly\n", "no nominal image is labelled yet"),
        ("filename,label\n0000.jpg,nominal\n", "no anomaly is labelled yet"),
        ("filename,label\nother.jpg,anomaly\n", "no anomaly is labelled yet"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    text: str, sentence: str, run: Run, pool_folder: Path, table: Path, session: Path
) -> None:
    table.write_text(text)
    finished = run("train", pool_folder, "--labels", table, "--session", session)
    assert finished.returncode == 2
    assert sentence in finished.stderr.splitlines()[-1]
    assert "Traceback" not in finished.stderr


def test_a_session_of_other_images_is_refused(run: Run, table: Path, session: Path, tmp_path: Path) -> None:
    make_pool(tmp_path / "others", images=4)
    finished = run("train", tmp_path / "others", "--labels", table, "--session", session)
    refused(finished, "belongs to the images in")
    refused(
        run("serve", tmp_path / "others", "--session", session, "--no-browser"), "belongs to the images in"
    )


def test_a_port_in_use_is_refused(run: Run, pool_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(run("serve", pool_folder, "--port", port, "--no-browser"), f"{port}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--preset", "papre"], "no preset 'papre'"),
        (["--device", "gpu"], "device"),
        (["--device", "cuda:9"], "no device 'cuda:9'"),
        (["--iterations", "0"], "iterations"),
        (["--seed", "x"], "seed"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_in_one_line(
    arguments: list[str], sentence: str, run: Run, pool_folder: Path, table: Path, session: Path
) -> None:
    refused(run("train", pool_folder, "--labels", table, "--session", session, *arguments), sentence)


def test_a_report_of_what_is_no_session_is_refused(run: Run, tmp_path: Path) -> None:
    refused(run("report", tmp_path), "not a session folder")
    refused(run("report", tmp_path / "missing"), "not a session folder")
    refused(run("report"), "SESSION")


@pytest.mark.parametrize(("name", "sentence"), [("", "is empty"), ("a" * 300, "300 characters")])
def test_an_annotator_s_name_that_cannot_be_kept_is_refused(
    name: str, sentence: str, run: Run, pool_folder: Path, session: Path
) -> None:
    refused(run("serve", pool_folder, "--session", session, "--annotator", name, "--no-browser"), sentence)


def test_what_is_no_session_cannot_be_ranked(run: Run, tmp_path: Path) -> None:
    refused(run("rank", tmp_path), "not a session folder")
    refused(run("rank"), "SESSION")


def test_a_table_that_cannot_be_written_is_refused(run: Run, session: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(run("rank", session, "--out", tmp_path / "file" / "ranking.csv"), "Cannot write")


def test_an_empty_path_is_refused_instead_of_reading_the_current_folder(run: Run) -> None:
    refused(run("info", ""), "the path is empty")
    refused(run("report", ""), "the path is empty")


def test_a_name_too_long_for_a_session_is_refused(run: Run) -> None:
    refused(run("report", "s" * 300), "not a session folder")


def test_output_that_cannot_be_written_is_one_line(session: Path) -> None:
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "anomalymatch_ui.cli", "report", str(session)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 2
    assert "The output cannot be written: No space left" in finished.stderr


def test_an_export_that_cannot_be_written_is_refused(run: Run, session: Path, tmp_path: Path) -> None:
    refused(run("export", session, "--out", "finds.xlsx"), "does not say in which format")
    refused(run("export", session, "--out", session / "config.toml" / "finds.csv"), "Cannot write")
    refused(run("export", tmp_path / "nothing"), "is not a session folder")
