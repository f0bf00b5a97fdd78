"""Labels that came from elsewhere: classes, 0 and 1, Zooniverse, Label Studio, AnomalyMatch."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels import LABELS, Classes, match_labels, read_labels
from anomalymatch_ui.labels.classes import labels_of
from anomalymatch_ui.labels.consensus import Answer, consensus

ANY_FILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def read(tmp_path):
    def of(content, classes=None, name="labels.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_labels(path, classes)

    return of


def as_csv(rows, separator=","):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


CLASSES = "filename,class\na.jpg,Ring\nb.jpg,spiral\nc.jpg,spiral\nd.jpg,bar\n"


def test_a_table_of_classes_asks_what_they_stand_for_in_one_sentence(read):
    with pytest.raises(InputError, match=r"spiral \(2\), Ring \(1\), bar \(1\).*--classes .ring=anomaly"):
        read(CLASSES)


def test_classes_are_read_as_they_were_said_to_stand_for_and_the_rest_is_counted(read):
    table = read(CLASSES, "ring=anomaly,spiral=nominal")
    assert table.labels == {"a.jpg": "anomaly", "b.jpg": "nominal", "c.jpg": "nominal"}
    sentence = match_labels(table, ["a.jpg", "b.jpg", "c.jpg"])[2].sentence()
    assert sentence.endswith("1 row of classes that stand for no label (bar (1)).")


def test_a_star_stands_for_all_other_classes_and_none_leaves_a_class_out_without_a_word(read):
    table = read(CLASSES, "bar=none,ring=anomaly,*=nominal")
    assert table.labels == {"a.jpg": "anomaly", "b.jpg": "nominal", "c.jpg": "nominal"}
    assert table.notes == ()


def test_another_meaning_of_the_classes_is_another_table(read):
    assert read(CLASSES, "ring=anomaly").digest != read(CLASSES, "ring=nominal").digest


@pytest.mark.parametrize(
    ("given", "meanings"),
    [
        ("ring=anomaly", {"ring": "anomaly"}),
        (" Yes, a ring = Anomaly ; no=normal,", {"yes, a ring": "anomaly", "no": "nominal"}),
        ("a=b=unsure,*=none", {"a=b": "unsure", "*": None}),
        ({"Yes, a ring": "anomaly", 0: "nominal"}, {"yes, a ring": "anomaly", "0": "nominal"}),
    ],
)
def test_classes_are_understood_with_commas_and_capitals(given, meanings):
    assert Classes.of(given).meanings == meanings
    assert Classes.of(Classes.of(given).text()) == Classes.of(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "No class is named"),
        ("ring", "cannot be understood at 'ring'"),
        ("ring=anomaly,x", "cannot be understood at 'x'"),
        ("ring=galaxy", "cannot be understood"),
        ({"ring": "galaxy"}, "cannot stand for 'galaxy'"),
        ("ring=anomaly,Ring=nominal", "two labels"),
    ],
)
def test_classes_that_say_nothing_clear_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        Classes.of(given)


@settings(max_examples=60, deadline=None)
@given(st.text())
@example("=anomaly")
def test_whatever_is_given_as_classes_is_understood_or_refused(text):
    with contextlib.suppress(InputError):
        assert Classes.of(Classes.of(text).text()) == Classes.of(text)


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "false")])
@pytest.mark.parametrize("column", ["label", "class", "is_anomaly", "Anomaly"])
def test_one_is_an_anomaly_where_there_is_nothing_but_one_and_zero(read, column, yes, no):
    assert read(f"id,{column}\na,{yes}\nb,{no}\nc,\n").labels == {"a": "anomaly", "b": "nominal"}


def test_classes_that_are_numbers_are_asked_for(read):
    with pytest.raises(InputError, match="has classes of its own: 0"):
        read("filename,class\na,0\nb,0\nc,1\nd,2\n")
    assert read("filename,class\na,0\nb,2\n", "0=anomaly,*=nominal").labels == {
        "a": "anomaly",
        "b": "nominal",
    }


def test_our_own_ranking_brings_its_labels_and_none_of_what_was_computed(read):
    table = read(
        "rank,id,ra,probability,label,annotator,time,cutout,mag\n1,a,1.5,0.9,anomaly,ada,t,x,18\n2,b,2,0.1,,,,,19\n"
    )
    assert table.labels == {"a": "anomaly"}
    assert table.extras == {"a": {"ra": "1.5", "mag": "18"}}


# Zooniverse


def classified(subject, user, *answers, retired=None, **metadata):
    return {
        "classification_id": 1,
        "user_name": user,
        "workflow_id": 7,
        "annotations": json.dumps(
            [{"task": f"T{n}", "task_label": "?", "value": value} for n, value in enumerate(answers)]
        ),
        "subject_data": json.dumps({subject: {"retired": retired, **metadata}}),
        "subject_ids": subject,
    }


def test_a_zooniverse_export_opens_by_the_majority_of_its_annotators(read):
    rows = [
        classified("11", "ada", "Ring", **{"#origin": "DES", "Filename": "a.jpg"}),
        classified("11", "bob", "Ring", Filename="a.jpg"),
        classified("11", "cy", "Nothing", Filename="a.jpg"),
        classified("12", "ada", "Nothing", Filename="b.jpg"),
        classified("12", "bob", "Ring", Filename="b.jpg"),
        classified("13", "ada", [{"x": 1, "tool": 0}], "Nothing", Filename="c.jpg"),
        classified("14", "ada", "Cannot tell", Filename="d.jpg"),
    ]
    table = read(as_csv(rows), "Ring=anomaly,Nothing=nominal")
    assert table.labels == {"a.jpg": "anomaly", "b.jpg": "unsure", "c.jpg": "nominal"}
    sentence = match_labels(table, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])[2].sentence()
    assert sentence == (
        "Labels from labels.csv: 1 anomaly, 1 nominal, 1 unsure; by what more than half of the people who "
        "saw an image said, 3 in all: they differ on 2 images, 1 of them with no majority, so marked "
        "unsure; 1 answer of classes that stand for no label (Cannot tell (1))."
    )


def test_the_last_answer_of_a_person_counts_and_several_choices_and_tasks_within_tasks_are_found(read):
    rows = [
        classified("1", "ada", "Ring", image="a.png"),
        classified("1", "ada", ["Star", "Nothing"], image="a.png"),
        classified("2", "ada", [{"task": "T9", "value": "Ring"}], image="b.png"),
    ]
    assert read(as_csv(rows), "Ring=anomaly,Nothing=nominal").labels == {
        "a.png": "nominal",
        "b.png": "anomaly",
    }


def test_subjects_without_a_file_name_are_named_by_an_id_or_their_number(read):
    named = as_csv([classified("1", "ada", "normal", objid=1234567890123456789, ra=1.5)])
    assert read(named).labels == {"1234567890123456789": "nominal"}
    assert read(as_csv([classified("1", "ada", "normal", ra=1.5)])).labels == {"1": "nominal"}


def test_an_export_of_questions_nobody_explained_is_asked_about(read):
    with pytest.raises(InputError, match=r"classes of its own: Ring \(1\)"):
        read(as_csv([classified("1", "ada", "Ring", Filename="a.jpg")]))


# Label Studio


def task(number, image, *annotations):
    return {
        "id": number,
        "data": {"image": image, "comment": "bright"},
        "annotations": [
            {
                "id": n,
                "completed_by": who,
                "was_cancelled": skipped,
                "result": [
                    {
                        "from_name": "kind",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": [choice]},
                    }
                ],
            }
            for n, (who, choice, skipped) in enumerate(annotations)
        ],
        "predictions": [{"result": [{"type": "choices", "value": {"choices": ["Normal"]}}]}],
    }


UPLOAD = "/data/upload/3/1a2b3c4d-{}.jpg"


def test_a_label_studio_export_as_json_opens_with_uploads_matched_and_skipped_tasks_left_out(read):
    tasks = [
        task(1, UPLOAD.format("a"), (1, "Anomaly", False), (2, "Normal", True)),
        task(2, UPLOAD.format("b"), ({"id": 1, "email": "x@y"}, "Normal", False)),
        task(3, UPLOAD.format("c")),
    ]
    table = read(json.dumps(tasks), name="export.json")
    labels, _, report = match_labels(table, ["a.jpg", "b.jpg", "c.jpg"])
    assert labels == {"a.jpg": "anomaly", "b.jpg": "nominal"}
    assert "2 names spelled differently" in report.sentence()


@pytest.mark.parametrize("form", ["csv", "tsv", "json"])
def test_a_label_studio_export_of_one_row_an_annotation_opens_by_its_majority(read, form):
    rows = [
        {
            "image": UPLOAD.format(image),
            "comment": "it's, bright",
            "id": 1,
            "choice": choice,
            "annotator": who,
            "annotation_id": n,
            "created_at": "2026-11-30T12:00:00Z",
            "lead_time": 1.5,
        }
        for n, (image, who, choice) in enumerate(
            [("a", 1, "Ring"), ("a", 2, "Ring"), ("a", 3, "Not"), ("b", 1, '{"choices": ["Not", "Star"]}')]
        )
    ]
    if form == "json":
        rows[-1]["choice"] = {"choices": ["Not", "Star"]}
    content = json.dumps(rows) if form == "json" else as_csv(rows, {"csv": ",", "tsv": "\t"}[form])
    table = read(content, "ring=anomaly,not=nominal")
    assert {name[-5:]: label for name, label in table.labels.items()} == {
        "a.jpg": "anomaly",
        "b.jpg": "nominal",
    }
    assert "they differ on 1 image" in " ".join(table.notes)


@pytest.mark.parametrize("content", ["[", "[1]", '{"data": 3}', "[]", '[{"data": {}, "annotations": 3}]'])
def test_json_that_is_no_export_is_refused(read, content):
    with pytest.raises(InputError):
        read(content)


# AnomalyMatch


def predictions(path, scores, version=4):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE results (id INTEGER PRIMARY KEY, filename TEXT UNIQUE, score INTEGER)")
    connection.execute("CREATE TABLE run_metadata (key TEXT PRIMARY KEY, value TEXT)")
    connection.execute("INSERT INTO run_metadata VALUES ('schema_version', ?)", (json.dumps(version),))
    bits = {name: struct.unpack("<I", struct.pack("<f", score))[0] for name, score in scores.items()}
    connection.executemany("INSERT INTO results (filename, score) VALUES (?, ?)", bits.items())
    connection.commit()
    connection.close()


@pytest.mark.parametrize("names", ["filename", "id"])
def test_a_session_of_anomalymatch_opens_with_its_labels_and_scores(tmp_path, names):
    (tmp_path / "labeled_data.csv").write_text(
        f"{names},label,iteration\nx/a.jpg,anomaly,0\nx/b.jpg,normal,1\n"
    )
    predictions(tmp_path / "predictions.db", {"a.jpg": 0.75, "c.jpg": 0.125, "gone.jpg": 0.5})
    labels, extras, report = match_labels(read_labels(tmp_path), ["a.jpg", "b.jpg", "c.jpg"])
    assert labels == {"a.jpg": "anomaly", "b.jpg": "nominal"}
    assert extras["a.jpg"] == {"iteration": "0", "anomalymatch_score": "0.75"}
    assert extras["c.jpg"] == {"anomalymatch_score": "0.125"}
    assert "3 scores of that search as the column anomalymatch_score" in report.sentence()


def test_scores_of_another_layout_are_left_out_and_said(tmp_path):
    (tmp_path / "labeled_data.csv").write_text("filename,label\na.jpg,anomaly\n")
    predictions(tmp_path / "predictions.db", {"a.jpg": 0.75}, version=3)
    table = read_labels(tmp_path)
    assert (table.labels, table.scores) == ({"a.jpg": "anomaly"}, {})
    assert table.notes == (
        "the scores of predictions.db are left out: its layout is version 3, and only 4 can be read",
    )
    (tmp_path / "predictions.db").write_bytes(b"no database")
    assert "left out" in read_labels(tmp_path).notes[0]


def test_a_folder_that_is_no_session_is_told(tmp_path):
    with pytest.raises(InputError, match=r"without labeled_data\.csv"):
        read_labels(tmp_path)


# Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "annotations", "result", "value", "choices", "type", "image", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@ANY_FILE
@given(JSON)
def test_any_json_is_read_or_refused(read, value):
    with contextlib.suppress(InputError):
        assert set(read(json.dumps(value)).labels.values()) <= set(LABELS)


@ANY_FILE
@given(st.lists(st.tuples(JSON, JSON), min_size=1, max_size=4), st.none() | st.just("*=anomaly"))
def test_any_cells_of_a_zooniverse_export_are_read_or_refused(read, cells, classes):
    rows = [
        {"user_name": "ada", "annotations": json.dumps(said), "subject_data": json.dumps(subject)}
        for said, subject in cells
    ]
    with contextlib.suppress(InputError):
        assert set(read(as_csv(rows), classes).labels.values()) <= set(LABELS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(["yes", "no", "hm", "?"])),
        max_size=12,
    )
)
def test_a_label_has_more_than_half_of_those_who_saw_the_image(answers):
    meaning = labels_of(["yes", "no", "hm"], Classes.of("yes=anomaly,no=nominal,hm=unsure"))
    agreed = consensus([Answer(name, who, (word,)) for name, who, word in answers], meaning)
    for name in "ab":
        last = {who: word for image, who, word in answers if image == name}
        said = list(last.values())
        for word, label in meaning.items():
            assert not 2 * said.count(word) > len(said) or agreed.labels[name] == label
        assert (name in agreed.labels) == (2 * said.count("?") <= len(said) > 0)
        assert (name in agreed.differing) == (len(set(said)) > 1)
    assert agreed.wordless.total() == sum(word == "?" for *_, word in answers)


def test_numbers_of_a_tables_own_give_way_to_names_of_files(read):
    table = read("id,image,label,z\n1,a.jpg,anomaly,0.1\n2,b.jpg,nominal,0.2\n")
    assert table.labels == {"a.jpg": "anomaly", "b.jpg": "nominal"}
    assert table.extras["a.jpg"] == {"id": "1", "z": "0.1"}
    # Where nothing looks like a file, an id is what it says.
    assert read("id,image,label\n1,thumbnail,anomaly\n").labels == {"1": "anomaly"}


def test_what_stands_with_a_task_of_label_studio_is_kept_as_columns(read):
    tasks = [
        {
            "data": {"image": f"/data/upload/1/{name}.jpg", "redshift": z, "survey": "KiDS", "box": [1, 2]},
            "annotations": [
                {"completed_by": 1, "result": [{"type": "choices", "value": {"choices": [word]}}]}
            ],
        }
        for name, z, word in (("a", 0.5, "anomaly"), ("b", 0.7, "nominal"))
    ]
    labels, extras, _ = match_labels(read(json.dumps(tasks), name="export.json"), ["a.jpg", "b.jpg"])
    assert labels == {"a.jpg": "anomaly", "b.jpg": "nominal"}
    assert extras["a.jpg"] == {"redshift": "0.5", "survey": "KiDS"}
    rows = as_csv(
        [{"image": "a.jpg", "z": 1, "choice": "anomaly", "annotator": 1, "annotation_id": 3, "lead_time": 2}]
    )
    assert read(rows).extras == {"a.jpg": {"z": "1"}}
