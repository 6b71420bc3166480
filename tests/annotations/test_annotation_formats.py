import os

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations, write_annotations
from untrimmed.errors import InputError

TABLE = "video,start,end,label,duration\nv,1,2,a,9\nv,8,10,b,9\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize("function", [read_annotations, inspect_annotations])
@pytest.mark.parametrize("name", ["labels.xlsx", "labels", ".json"])
def test_an_unknown_ending_is_an_error_that_lists_the_known_ones(function, name):
    with pytest.raises(InputError, match=r"has no known ending; .* \.csv, \.json, \.tsv, or are folders"):
        function(name)


def test_an_unknown_ending_is_refused_for_writing_too(table, tmp_path):
    with pytest.raises(InputError, match=r"\.csv, \.json, \.tsv$"):
        write_annotations(read_annotations(table), tmp_path / "labels.xml")


@pytest.mark.parametrize("name", ["absent.json", "absent.csv"])
def test_a_file_that_is_absent_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name} cannot be read: no such file or directory$"):
        read_annotations(tmp_path / name)


@pytest.mark.parametrize("name", ["folder", "folder.json"])
def test_a_folder_without_annotations_is_an_error_that_names_what_it_may_hold(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "notes.txt").write_text("v 1 2\n")
    with pytest.raises(InputError, match=r"folder.* is a folder, but .* of THUMOS14 .*, MultiTHUMOS .* EPIC-"):
        read_annotations(tmp_path / name)


def test_a_folder_is_not_written_to(table, tmp_path):
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(
        InputError, match=r"folder.json is a folder; annotations are written to files that end in"
    ):
        write_annotations(read_annotations(table), tmp_path / "folder.json")


@pytest.mark.parametrize("label", ["verb", "noun", "action"])
def test_a_label_cannot_be_chosen_where_there_is_one(table, label):
    with pytest.raises(InputError, match=r"labels.csv gives each segment one label, .*; leave out --label"):
        read_annotations(table, label=label)


def test_a_label_of_another_kind_is_an_error(table):
    with pytest.raises(InputError, match=r'the label must be verb, noun or action, not the text "adverb"$'):
        read_annotations(table, label="adverb")


@pytest.mark.parametrize(("content", "found"), [('{"a": 1, "b": {}}', '"a"; "b"'), ("{}", "none")])
def test_json_of_no_known_layout_is_an_error_that_names_the_known_ones(tmp_path, content, found):
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(InputError, match=rf"\(its keys: {found}\); expected .*ActivityNet, or .*MultiTHUMOS$"):
        read_annotations(tmp_path / "labels.json")


def test_a_json_file_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "labels.json"
    path.write_text('{"database": {"v": {"annotations": []}}}')
    read = []
    monkeypatch.setattr("untrimmed.annotations.json_file.read_text", lambda p: read.append(p) or p.read_text())
    assert read_annotations(path).videos.ids == ("v",)
    assert read == [path]


def test_the_ending_may_be_in_capitals_and_the_path_text(table, tmp_path):
    path = os.fspath(tmp_path / "LABELS.JSON")
    write_annotations(read_annotations(os.fspath(table)), path)
    assert read_annotations(path).classes == ("a", "b")


def test_reading_logs_each_kind_of_warning_once_and_inspecting_logs_nothing(table, caplog):
    annotations, problems = inspect_annotations(table)
    assert caplog.messages == []
    assert len(problems) == 1
    assert read_annotations(table).segments.end_seconds.tolist() == [2.0, 9.0]
    assert annotations.segments.end_seconds.tolist() == [2.0, 9.0]
    assert caplog.messages == [
        f"{table}: a segment that ends after its video, cut to it (1 in all): "
        "line 3 (by 1 s, the video ends at 9 s)"
    ]


def test_reading_strictly_raises_what_is_otherwise_a_warning(table, caplog):
    with pytest.raises(InputError, match=r"labels.csv has 1 error: line 3: a segment that ends after its vid"):
        read_annotations(table, strict=True)
    assert inspect_annotations(table, strict=True)[0] is None
    assert caplog.messages == []


def test_reading_with_a_list_of_classes_refuses_other_labels(table):
    assert read_annotations(table, classes=["c", "b", "a"]).segments.label.tolist() == [2, 1]
    with pytest.raises(InputError, match=r'line 3: the label is not among the 1 classes \("b", of 1 segment'):
        read_annotations(table, classes=["a"])
