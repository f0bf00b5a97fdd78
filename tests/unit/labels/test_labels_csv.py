from __future__ import annotations

import contextlib
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomalymatch_ui.errors import InputError, StorageError
from anomalymatch_ui.labels import LABELS, match_labels, read_labels_csv, write_labels_csv


@pytest.fixture
def table(tmp_path):
    def make(content: str | bytes):
        path = tmp_path / "labels.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_labels_csv(path)

    return make


def test_normal_is_read_as_nominal_and_case_and_spaces_do_not_matter(table):
    read = table(" FileName , LABEL\na.jpg,Anomaly\nb.jpg, normal \nc.jpg,NOMINAL\nd.jpg,unsure\n")
    assert read.labels == {"a.jpg": "anomaly", "b.jpg": "nominal", "c.jpg": "nominal", "d.jpg": "unsure"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write_is_understood(table, separator, start, newline):
    rows = [["label", "filename"], ["anomaly", "é.jpg"], ["nominal", "b.jpg"]]
    content = newline.join(separator.join(row) for row in rows)
    assert table(start + content.encode()).labels == {"é.jpg": "anomaly", "b.jpg": "nominal"}


def test_a_comma_in_a_header_of_semicolons_does_not_confuse(table):
    read = table("filename;ra, dec;label\na.jpg;1,2;anomaly\n")
    assert read.labels == {"a.jpg": "anomaly"}
    assert read.extras == {"a.jpg": {"ra, dec": "1,2"}}


def test_other_columns_stay_the_text_they_are(table):
    read = table("id,filename,label,note\n007,NA,anomaly,\nNA,1e3,nominal,1.0\n")
    assert read.labels == {"NA": "anomaly", "1e3": "nominal"}
    assert read.extras == {"NA": {"id": "007", "note": ""}, "1e3": {"id": "NA", "note": "1.0"}}


def test_columns_of_the_same_name_are_both_kept(table):
    assert table("filename,label,,\na,anomaly,1,2\n").extras == {"a": {"": "1", ".1": "2"}}


def test_a_row_without_a_label_is_counted_and_its_columns_kept(table):
    read = table("filename,label,z\na,,0.1\nb,anomaly,0.2\n\n,,\n")
    assert (read.labels, read.blanks) == ({"b": "anomaly"}, 1)
    assert read.extras["a"] == {"z": "0.1"}


def test_the_later_of_two_rows_counts_and_a_contradiction_is_said(table):
    read = table("filename,label\na,anomaly\nb,nominal\na,nominal\nb,nominal\n")
    assert read.labels == {"a": "nominal", "b": "nominal"}
    assert (read.duplicates, read.conflicts) == (("a", "b"), ("a",))
    sentence = match_labels(read, ["a", "b"])[2].sentence()
    assert "2 names in several rows, the later counts (a, b)" in sentence
    assert "1 of them with different labels (a)" in sentence


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("name,class\na,b\n", "needs the columns filename and label, but has: name, class"),
        ('name,"a\nb"\n1,2\n', "needs the columns filename and label, but has: name, a[.]$"),
        ("filename\na\n", "but has: filename"),
        ("filename,label,Label\na,anomaly,x\n", "twice"),
        ("filename,label\na,anomaly\nb,galaxy\n", "Line 3 .*'galaxy'.*anomaly, nominal, unsure"),
        ('filename,label\n"a\nb",anomaly\nc,galaxy\n', "Line 4 "),
        ("filename,label\n,anomaly\n", "Line 2 .* no filename"),
        ("filename,label\na,b,anomaly\n", "Line 2 .* 3 fields"),
        ('filename,label\n"a,anomaly\n', "Line 2 .* cannot be read"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a text file"),
        ("filename,label\na,anomaly\n".encode("utf-16"), "not a text file"),
    ],
)
def test_a_table_that_cannot_be_understood_is_told(table, content, message):
    with pytest.raises(InputError, match=message):
        table(content)


def test_a_missing_file_or_a_folder_is_told(tmp_path):
    with pytest.raises(InputError, match="There is no table"):
        read_labels_csv(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_labels_csv(tmp_path)


def test_an_exact_id_wins(table):
    labels, _, report = match_labels(
        table("filename,label\nb/x.jpg,anomaly\n"), ["x.jpg", "b/x.jpg", "a/b/x.jpg"]
    )
    assert labels == {"b/x.jpg": "anomaly"}
    assert not report.ambiguous


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("./a/x.jpg", "a/x.jpg"),
        ("a\\x.jpg", "a/x.jpg"),
        ("a//x.jpg", "a/x.jpg"),
        ("x.jpg", "a/x.jpg"),
        ("a/x.jpg", "survey/a/x.jpg"),
        ("survey/a/x.jpg", "a/x.jpg"),
        ("/home/me/survey/a/x.jpg", "a/x.jpg"),
        ("C:\\survey\\a\\x.jpg", "a/x.jpg"),
    ],
)
def test_a_path_seen_from_another_folder_is_matched(table, name, image_id):
    labels, extras, report = match_labels(
        table(f"filename,label,z\n{name},anomaly,1\n"), ["b/y.jpg", image_id]
    )
    assert labels == {image_id: "anomaly"}
    assert extras == {image_id: {"z": "1"}}
    assert report.counts == {"anomaly": 1, "nominal": 0, "unsure": 0, "artefact": 0}


def test_half_a_file_name_matches_nothing(table):
    _, _, report = match_labels(table("filename,label\nx.jpg,anomaly\n"), ["ax.jpg", "x.jpg.png"])
    assert report.unmatched == ("x.jpg",)


def test_what_fits_several_images_is_reported_and_not_guessed(table):
    labels, _, report = match_labels(table("filename,label\nx.jpg,anomaly\n"), ["a/x.jpg", "b/x.jpg"])
    assert labels == {}
    assert report.ambiguous == ("x.jpg",)


def test_two_names_for_one_image_are_reported_and_not_guessed(table):
    content = "filename,label\na/x.jpg,anomaly\nb/x.jpg,nominal\n"
    labels, _, report = match_labels(table(content), ["x.jpg"])
    assert labels == {}
    assert report.ambiguous == ("a/x.jpg", "b/x.jpg")


def test_an_image_named_exactly_is_not_taken_by_another_row(table):
    labels, _, report = match_labels(table("filename,label\nold/x.jpg,anomaly\nx.jpg,nominal\n"), ["x.jpg"])
    assert labels == {"x.jpg": "nominal"}
    assert report.ambiguous == ("old/x.jpg",)


def test_the_report_is_one_readable_sentence(table):
    read = table(
        "filename,label\na,anomaly\nb,nominal\nc,nominal\nm,anomaly\nn,anomaly\no,unsure\np,unsure\nq,\n"
    )
    report = match_labels(read, ["a", "b", "c"])[2]
    assert report.sentence() == (
        "Labels from labels.csv: 1 anomaly, 2 nominal; 4 names without an image (m, n, o, …); "
        "1 row without a label."
    )


@pytest.mark.parametrize("name", ["e\u0301.jpg", " \u00e9.jpg "])
def test_letters_with_accents_and_spaces_around_a_name_match_however_they_are_written(table, name):
    labels, _, _ = match_labels(table(f"filename,label\n{name},anomaly\n"), ["\u00e9.jpg"])
    assert labels == {"\u00e9.jpg": "anomaly"}


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("x.JPG", "a/x.jpg"),
        ("A/X.jpg", "a/x.jpg"),
        ("x", "a/x.jpg"),
        ("x.png", "a/x.jpg"),
        ("x.fits.fz", "x.fits"),
        ("/data/local-files/?d=a%20b/x.jpg", "a b/x.jpg"),
        ("http://host/data/local-files/?d=a/x.jpg", "a/x.jpg"),
        ("https://example.org/a%20b.jpg", "a b.jpg"),
        ("0f3c9a1b-x.jpg", "a/x.jpg"),
        ("http://[x.jpg", None),
        ("y-x.jpg", None),
    ],
)
def test_a_name_spelled_differently_is_taken_where_one_image_fits_and_the_user_is_told(table, name, image_id):
    labels, _, report = match_labels(
        table(f"filename,label\n{name},anomaly\n"), ["z.jpg", image_id or "x.jpg"]
    )
    assert labels == ({image_id: "anomaly"} if image_id else {})
    assert report.respelled == ({name: image_id} if image_id else {})
    assert ("1 name spelled differently from the image" in report.sentence()) == bool(image_id)


def test_a_name_that_two_spellings_fit_is_not_guessed(table):
    labels, _, report = match_labels(table("filename,label\nX.jpg,anomaly\n"), ["x.jpg", "x.JPG"])
    assert labels == {}
    assert report.ambiguous == ("X.jpg",)


def test_ten_times_as_many_rows_are_matched_in_about_ten_times_the_time(table):
    seconds = []
    for count in (10_000, 100_000):
        names = [f"field-{n % 100:02}/cutout-{n:06}.jpg" for n in range(count)]
        read = table("filename,label\n" + "".join(f"survey/{name},nominal\n" for name in names))
        start = time.thread_time()  # of the processor, whatever else it does
        labels, _, _ = match_labels(read, names)
        seconds.append(time.thread_time() - start)
        assert len(labels) == count
    assert seconds[1] < 40 * seconds[0]  # a comparison of all with all would take a hundred times as long


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    str.strip
)
NAMES |= st.binary(min_size=1).filter(lambda raw: b"\0" not in raw).map(os.fsdecode).filter(str.strip)
NAMES |= st.text(",;\t\"'\n\r\\/é =@", min_size=1).filter(str.strip)
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_whatever_the_names(tmp_path, data):
    path = tmp_path / "labels.csv"
    columns = data.draw(st.lists(st.sampled_from(["ra", "dec, J2000", 'say "z"', "a;b"]), unique=True))
    view = data.draw(st.dictionaries(NAMES, st.sampled_from(LABELS), max_size=8))
    extras = {name: {column: data.draw(CELLS) for column in columns} for name in view} if columns else {}
    assert write_labels_csv(path, view, extras) == len(view)
    read = read_labels_csv(path)
    assert read.labels == view
    assert read.extras == extras
    assert list(read.labels) == sorted(view)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary() | st.text().map(lambda text: f"filename,label\n{text}".encode(errors="replace")))
def test_any_file_is_read_or_refused(table, content):
    with contextlib.suppress(InputError):
        assert set(table(content).labels.values()) <= set(LABELS)


def test_columns_that_only_some_images_have_are_left_blank(tmp_path):
    path = tmp_path / "labels.csv"
    write_labels_csv(path, {"b": "anomaly", "a": "nominal"}, {"b": {"z": "1"}, "unlabelled": {"y": "2"}})
    assert path.read_text() == "filename,label,z\na,nominal,\nb,anomaly,1\n"


def test_a_table_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_labels_csv(tmp_path / "file" / "labels.csv", {"a": "anomaly"})


@pytest.mark.shared_data
def test_a_real_table_with_other_columns_comes_back_in_an_export(shared_data, tmp_path):
    source = shared_data / "tasks" / "galaxies_edge_on.csv"
    read = read_labels_csv(source)
    ids = [name.removeprefix("galaxies/") for name in read.labels]
    labels, extras, report = match_labels(read, ids)
    assert not report.unmatched
    write_labels_csv(tmp_path / "export.csv", labels, extras)
    again = read_labels_csv(tmp_path / "export.csv")
    assert again.labels == labels
    assert again.extras == extras
