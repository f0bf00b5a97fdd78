"""The page's scripts as one module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anomalymatch_ui.app.scripts import APP, joined
from anomalymatch_ui.labels import LABELS, MARKS


def write(folder: Path, **parts: str) -> Path:
    for name, source in parts.items():
        (folder / f"{name}.js").write_text(source)
    return folder / "main.js"


def test_a_part_comes_after_those_it_needs_and_only_once(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { b } from "./b.js";\nimport { c } from "./c.js";\nexport default () => b + c;\n',
        b='import { c } from "./c.js";\nexport const b = c + 1;\n',
        c="export const c = 1;\n",
    )

    lines = [line for line in joined(entry).splitlines() if line]

    assert lines == ["const c = 1;", "const b = c + 1;", "export default () => b + c;"]


def test_a_part_may_be_shared_with_the_folder_beside(tmp_path: Path) -> None:
    (tmp_path / "widget").mkdir()
    write(tmp_path, shared="export const a = 1;\n")
    entry = write(tmp_path / "widget", main='import { a } from "../shared.js";\nexport default a;\n')

    assert [line for line in joined(entry).splitlines() if line] == ["const a = 1;", "export default a;"]


def test_parts_of_two_folders_may_have_one_file_name(tmp_path: Path) -> None:
    for folder in ("cards", "map"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "paint.js").write_text(f"export const {folder} = 1;\n")
    entry = write(
        tmp_path / "map",
        main='import { map } from "./paint.js";\n'
        'import { cards } from "../cards/paint.js";\n'
        "export default map + cards;\n",
    )

    lines = [line for line in joined(entry).splitlines() if line]

    assert lines == ["const map = 1;", "const cards = 1;", "export default map + cards;"]


def test_the_browser_has_the_labels_of_the_kernel_in_their_order() -> None:
    source = (APP / "shared" / "labels.js").read_text("utf-8")
    assert dict(re.findall(r'^  (\w+): \{ mark: "(.)"', source, re.MULTILINE)) == MARKS
    assert list(MARKS) == list(LABELS)


def test_a_name_that_two_parts_declare_is_refused(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { b } from "./b.js";\nconst side = 1;\n',
        b="const side = 2;\nexport const b = 1;\n",
    )

    with pytest.raises(ValueError, match=r"side is declared by both b\.js and main\.js"):
        joined(entry)


def test_an_import_that_would_be_lost_is_refused(tmp_path: Path) -> None:
    entry = write(tmp_path, main='import b from "https://elsewhere.example/b.js";\n')

    with pytest.raises(ValueError, match=r"main\.js imports"):
        joined(entry)


def test_a_part_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    entry = write(tmp_path, main='import { b } from "./b.js";\n')

    with pytest.raises(FileNotFoundError):
        joined(entry)
