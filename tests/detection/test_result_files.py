import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.detection.detections import Detections
from untrimmed.detection.result_files import detections_file, read_detections, write_detections
from untrimmed.errors import InputError

HEADER = "video,start,end,label,score\n"


def fields(detections):
    """All columns as lists, to be compared."""
    return {name: list(value) for name, value in vars(detections).items()}


@pytest.fixture
def file(tmp_path):
    def write(content, name="found.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def two_videos():
    return Detections(
        classes=("dive", "jump, high"),
        video_ids=("b", "nothing", "a"),
        video=np.array([0, 2, 0, 2]),
        start_seconds=np.array([1.5, 0.1, 7.0, 2.0]),
        end_seconds=np.array([2.5, 1 / 3, 7.0, 3.0]),
        label=np.array([0, 1, 1, 0]),
        score=np.array([0.25, 1.0, 0.125, 0.5]),
    )


def test_the_json_is_that_of_activitynet_with_a_line_for_each_video(two_videos, tmp_path):
    write_detections(two_videos, tmp_path / "found.json")
    text = (tmp_path / "found.json").read_text()
    content = json.loads(text)
    assert set(content) == {"version", "results", "external_data"}
    assert content["results"]["b"] == [
        {"label": "dive", "score": 0.25, "segment": [1.5, 2.5]},
        {"label": "jump, high", "score": 0.125, "segment": [7.0, 7.0]},
    ]
    assert content["results"]["nothing"] == []
    assert [line.partition(":")[0] for line in text.splitlines()[1:-1]] == ['"b"', '"nothing"', '"a"']


def test_the_table_has_a_line_for_each_detection_and_each_video_without(two_videos, tmp_path):
    write_detections(two_videos, tmp_path / "found.csv")
    assert (tmp_path / "found.csv").read_text() == HEADER + (
        'a,0.1,0.3333333333333333,"jump, high",1.0\n'
        "a,2.0,3.0,dive,0.5\n"
        "b,1.5,2.5,dive,0.25\n"
        'b,7.0,7.0,"jump, high",0.125\n'
        "nothing,,,,\n"
    )


@pytest.mark.parametrize("name", ["found.json", "found.csv"])
def test_the_order_of_the_detections_does_not_change_the_file(two_videos, tmp_path, name):
    write_detections(two_videos, tmp_path / name)
    write_detections(two_videos[np.array([2, 0, 3, 1])], tmp_path / ("2" + name))
    assert (tmp_path / name).read_bytes() == (tmp_path / ("2" + name)).read_bytes()


def test_a_classifier_is_told_as_external_data_and_stays_with_the_detections(two_videos, tmp_path):
    fused = replace(two_videos, classifier='cuhk "val".json')
    assert fused[:2].sorted().classifier == 'cuhk "val".json'
    write_detections(fused, tmp_path / "found.json")
    content = json.loads((tmp_path / "found.json").read_text())
    assert content["external_data"] == {"used": True, "details": 'video scores from cuhk "val".json'}
    assert read_detections(tmp_path / "found.json").classifier == 'cuhk "val".json'
    write_detections(two_videos, tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["external_data"] == {}
    assert read_detections(tmp_path / "found.json").classifier == ""


@pytest.mark.parametrize(
    ("external", "classifier"),
    [
        ({"used": True, "details": "VGG-16,\n of others"}, "VGG-16, of others"),
        ({"details": "VGG-16"}, "VGG-16"),
        ({"used": True}, "unnamed external data"),
        ({"used": True, "details": 3}, "unnamed external data"),
        ({"used": False, "details": "none"}, ""),
        ({}, ""),
        ("none", ""),
        (None, ""),
    ],
)
def test_what_others_say_of_external_data_is_taken_as_it_is(file, external, classifier):
    assert read_detections(file({"results": {}, "external_data": external})).classifier == classifier


names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=5)
seconds = st.floats(-1e6, 1e6)


@st.composite
def any_detections(draw):
    classes = tuple(draw(st.lists(names, min_size=1, max_size=3, unique=True)))
    videos = tuple(draw(st.lists(names, min_size=1, max_size=4, unique=True)))
    row = st.tuples(
        st.integers(0, len(videos) - 1),
        st.tuples(seconds, seconds).map(sorted),
        st.integers(0, len(classes) - 1),
        st.floats(0, 1),
    )
    rows = draw(st.lists(row, max_size=10))
    return Detections(
        classes,
        videos,
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1][0] for row in rows]),
        np.array([row[1][1] for row in rows]),
        np.array([row[2] for row in rows], dtype=np.int64),
        np.array([row[3] for row in rows]),
    )


@given(any_detections())
def test_what_is_written_as_json_is_read_back(tmp_path_factory, detections):
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    write_detections(detections, path)
    assert fields(read_detections(path, detections.classes)) == fields(detections.sorted())


@given(any_detections())
def test_what_is_written_as_a_table_is_read_back(tmp_path_factory, detections):
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    write_detections(detections, path)
    read = read_detections(path, detections.classes)
    assert list(read) == list(detections.sorted())
    assert set(read.video_ids) == set(detections.video_ids)


def test_without_classes_they_are_the_labels_of_the_file(file):
    item = {"segment": [0, 1], "score": 0.5}
    path = file({"results": {"v": [{**item, "label": "swim"}, {**item, "label": "run"}]}})
    assert read_detections(path).classes == ("run", "swim")
    assert read_detections(path, ["swim", "jump", "run"]).classes == ("swim", "jump", "run")


def test_a_table_may_have_any_order_of_columns_and_more_of_them(file, caplog):
    path = file("\ufeffscore, Video ,label,note,end,start\n\n0.5, v ,run,?,2,1\n", "found.csv")
    (only,) = read_detections(path)
    assert only == ("v", 1.0, 2.0, "run", 0.5)
    assert caplog.messages == [f'{path}: 1 columns are not used: "note"']


def test_files_that_say_that_nothing_was_found(file):
    for path in (file({"results": {"v": []}}), file(HEADER + "v,,,,\n", "found.csv")):
        read = read_detections(path)
        assert len(read) == 0
        assert read.video_ids == ("v",)
    assert read_detections(file({"results": {}})).video_ids == ()
    assert read_detections(file(HEADER, "found.csv")).video_ids == ()


def test_scores_beyond_0_and_1_are_kept_with_a_warning(file, caplog):
    path = file(HEADER + "v,0,1,run,7.5\nv,0,1,run,0.5\nv,0,1,run,-1\n", "found.csv")
    assert read_detections(path).score.tolist() == [7.5, 0.5, -1.0]
    assert caplog.messages == [f"{path}: 2 of 3 scores are not between 0 and 1"]


GOOD = {"label": "run", "score": 0.5, "segment": [1, 2]}
MANY_DIGITS = int("9" * 400)


def one(**changes):
    return {"results": {"v": [GOOD | changes]}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not valid JSON at line 1"),
        ('{"results": {"v": [}', "is not valid JSON at line 1, column 20"),
        ("[" * 100_000, "cannot be read as JSON"),
        ([], "must hold ActivityNet's results"),
        ({}, "but holds an object"),
        ({"database": {}}, 'but holds an object with the keys "database"'),
        ({"results": []}, "must hold ActivityNet's results"),
        ('{"results": {"v": [], "v": []}}', 'more than one list of detections for video "v"'),
        ({"results": {"v": GOOD}}, 'video "v": its detections must be a list, but are an object'),
        ({"results": {"u": [], "v": [GOOD, 3]}}, 'video "v", detection 2: it must be an object'),
        ({"results": {"v": [GOOD, GOOD | {"segment": 5}]}}, 'detection 2: its "segment" must be [start'),
        (one(segment=[1, 2, 3]), "but is a list of 3"),
        (one(segment=[1, None]), "the end must be a finite number, but is missing"),
        (one(segment=["1", 2]), 'the start must be a finite number, but is the text "1"'),
        (one(segment=[1, MANY_DIGITS]), "the end must be a finite number"),
        ({"results": {"w": [GOOD, GOOD | {"segment": [2, 1]}]}}, 'video "w", detection 2: the end, 1,'),
        (one(score="high"), 'the score must be a finite number, but is the text "high"'),
        (one(score=True), "the score must be a finite number, but is true"),
        (one(score=float("nan")), "the score must be a finite number, but is nan"),
        (one(score=float("inf")), "the score must be a finite number, but is inf"),
        (one(label=7), "the label must be the name of a class, but is 7"),
        (one(label=" "), "the label must be the name of a class"),
        (one(label="rnu"), 'the label "rnu" is none of the 2 classes; did you mean "run"?'),
        ({"results": {"v": [{"score": 0.5, "segment": [1, 2]}]}}, 'detection 1: its "label" is missing'),
        ({"results": {"v": [{"label": "run", "segment": [1, 2]}]}}, 'detection 1: its "score" is missing'),
        ({"results": {"v": [{"label": "run", "score": 0.5}]}}, 'detection 1: its "segment" is missing'),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_json_file_is_told_with_its_place(file, content, words):
    path = file(content)
    with pytest.raises(InputError) as caught:
        read_detections(path, ["run", "jump"])
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty; its first line should be video,start,end,label,score"),
        ("video,start,end\nv,1,2\n", "lacks the column label and score"),
        ("video;start;end;label;score\n", "separated by commas"),
        ("video,start,end,label,score,Score\n", "more than one column score; keep one"),
        (HEADER + "v,1,2,run\n", "line 2: it has 4 cells where the first line has 5"),
        (HEADER + "\nv,1,5,2,5,run,0,5\n", "line 3: it has 8 cells where the first line has 5"),
        (HEADER + ",1,2,run,0.5\n", "line 2: the video is missing"),
        (HEADER + "v,1,2,run,0.5\nv,,2,run,0.5\n", "line 3: the start must be a finite number"),
        (HEADER + "v,1,2,run,nan\n", "line 2: the score must be a finite number, but is nan"),
        (HEADER + "v,1,two,run,0.5\n", 'line 2: the end must be a finite number, but is the text "two"'),
        (HEADER + "v,2,1,run,0.5\n", "line 2: the end, 1, must not be before the start, 2"),
        (HEADER + "v,1,2,,0.5\n", "line 2: the label must be the name of a class, but is missing"),
        (HEADER + '"v\n1",1,2,walk,0.5\n', 'line 3: the label "walk" is none of the 2 classes'),
        (HEADER + '"v,1,2,run,0.5\n', "is a quote there not closed?"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_table_is_told_with_its_line(file, content, words):
    path = file(content, "found.csv")
    with pytest.raises(InputError) as caught:
        read_detections(path, ["run", "jump"])
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def test_other_files_are_refused(two_videos, tmp_path):
    for use in (read_detections, lambda path: write_detections(two_videos, path)):
        with pytest.raises(InputError, match=r"found\.pkl must end in \.json .* or \.csv"):
            use(tmp_path / "found.pkl")
    with pytest.raises(InputError, match="cannot be read: no such file"):
        read_detections(tmp_path / "absent.json")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("column", ["start_seconds", "end_seconds", "score"])
def test_numbers_that_are_none_are_not_written(two_videos, tmp_path, column):
    getattr(two_videos, column)[1] = np.nan
    with pytest.raises(ValueError, match=f"1 of 4 detections have a {column} that is not finite"):
        write_detections(two_videos, tmp_path / "found.json")
    assert os.listdir(tmp_path) == []


def test_names_that_a_table_would_change_are_refused_in_it(tmp_path):
    column = np.array([0.0])
    odd = Detections(("run ",), ("a\nb",), np.array([0]), column, column, np.array([0]), column)
    with pytest.raises(InputError, match=r'cannot hold 2 of the names.*"a\\nb"; "run "; write a \.json'):
        write_detections(odd, tmp_path / "found.csv")
    write_detections(odd, tmp_path / "found.json")
    assert fields(read_detections(tmp_path / "found.json")) == fields(odd)


@pytest.mark.parametrize("name", ["parts.json", "parts.csv"])
def test_videos_added_one_after_the_other_give_the_same_file(two_videos, tmp_path, name):
    write_detections(two_videos, tmp_path / f"whole-{name}")
    with detections_file(tmp_path / name, two_videos.classes) as add:
        for video, video_id in enumerate(two_videos.video_ids):
            own = two_videos[two_videos.video == video]
            add(replace(own, video_ids=(video_id,), video=np.zeros_like(own.video)))
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


@pytest.mark.parametrize("name", ["broken.json", "broken.csv"])
def test_a_file_that_is_not_finished_is_not_there(two_videos, tmp_path, name):
    def interrupted():
        with detections_file(tmp_path / name, two_videos.classes) as add:
            add(two_videos)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert list(tmp_path.iterdir()) == []
