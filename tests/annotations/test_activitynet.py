import json
import math
import sys

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations, write_annotations
from untrimmed.errors import InputError


def segment(label, label_id=None, start=1.0, end=2.0):
    entry = {"segment": [start, end], "label": label}
    return entry if label_id is None else entry | {"label_id": label_id}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "labels.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def problems_of(file):
    """The problems of a file, each as (place, message), which has errors."""

    def problems(content):
        annotations, found = inspect_annotations(file(content))
        assert annotations is None
        return [(p.place, p.message) for p in found]

    return problems


def test_the_fields_of_a_file_arrive_where_they_belong(file):
    path = file(
        {
            "version": "1.3",
            "taxonomy": [{"nodeId": 1}],
            "database": {
                "b": {
                    "duration": 60.5,
                    "fps": 25,
                    "subset": "training",
                    "url": "https://",
                    "resolution": "1x1",
                    "annotations": [segment("Jump"), segment("Dive", start=0, end=60.5)],
                },
                "a": {"duration": None, "fps": None, "subset": None, "annotations": []},
            },
        }
    )
    annotations, problems = inspect_annotations(path)
    assert problems == []
    assert annotations.classes == ("Dive", "Jump")
    assert annotations.videos.ids == ("b", "a")
    assert annotations.videos.subsets == ("training", "")
    assert annotations.videos.duration_seconds[0] == 60.5
    assert annotations.videos.fps[0] == 25.0
    assert math.isnan(annotations.videos.duration_seconds[1])
    assert math.isnan(annotations.videos.fps[1])
    assert annotations.segments.video.tolist() == [0, 0]
    assert annotations.segments.label.tolist() == [1, 0]
    assert annotations.segments.start_seconds.tolist() == [1.0, 0.0]
    assert annotations.segments.end_seconds.tolist() == [2.0, 60.5]


def database(*annotations):
    return {"database": {"v": {"duration": 10, "annotations": list(annotations)}}}


@pytest.mark.parametrize(
    ("annotations", "classes"),
    [
        ([segment("a", 5), segment("b", 0), segment("c", 3), segment("a", 5, 3, 4)], ("b", "c", "a")),
        ([segment("a", -1), segment("b", -2)], ("b", "a")),
        ([segment("b"), segment("a")], ("a", "b")),
        ([segment("b"), segment("a") | {"label_id": None}], ("a", "b")),
    ],
)
def test_classes_are_ordered_by_label_id_with_gaps_closed_or_else_by_name(file, annotations, classes):
    found, problems = inspect_annotations(file(database(*annotations)))
    assert found.classes == classes
    assert problems == []


def test_label_ids_on_some_segments_only_give_alphabetical_order_and_a_warning(file):
    found, problems = inspect_annotations(file(database(segment("b", 0), segment("a"), segment("a", None, 3, 4))))
    assert found.classes == ("a", "b")
    assert [(p.place, p.severity, p.detail) for p in problems] == [
        ('video "v", segment 2', "warning", "2 of 3 segments")
    ]


@pytest.mark.parametrize(
    ("annotations", "place", "message"),
    [
        ([segment("a", 0), segment("a", 1, 3, 4)], "segment 2", "a label has more than one label_id"),
        ([segment("a", 0), segment("b", 0)], "segment 2", "a label_id has more than one label"),
        ([segment("a", 0), segment("b", "1")], "segment 2", "label_id must be a whole number"),
        ([segment("a", True)], "segment 1", "label_id must be a whole number"),
        ([segment("a", 1.0)], "segment 1", "label_id must be a whole number"),
        ([segment("a", [0])], "segment 1", "label_id must be a whole number"),
    ],
)
def test_a_label_id_that_contradicts_itself_is_an_error(problems_of, annotations, place, message):
    assert problems_of(database(*annotations)) == [(f'video "v", {place}', message)]


def test_our_own_list_of_classes_decides_their_order(file):
    content = {"classes": ["z", "b", "a"]} | database(segment("a", 7), segment("b", 8), segment("b", None, 3, 4))
    annotations, problems = inspect_annotations(file(content))
    assert annotations.classes == ("z", "b", "a")
    assert problems == []


@pytest.mark.parametrize("classes", [{"a": 0}, "a", ["a", 1]])
def test_a_list_of_classes_of_another_kind_is_an_error(problems_of, classes):
    content = {"classes": classes} | database(segment("a"))
    assert problems_of(content) == [("the file", '"classes" must be a list of names')]


NOT_A_LIST = '"annotations" must be a list, [] for a video without actions'
NOT_A_SEGMENT = '"segment" must be a list of start and end in seconds'


@pytest.mark.parametrize(
    ("video", "place", "message"),
    [
        (None, "", "must be an object"),
        ([], "", "must be an object"),
        ({}, "", NOT_A_LIST),
        ({"annotation": []}, "", NOT_A_LIST),
        ({"annotations": None}, "", NOT_A_LIST),
        ({"annotations": {"segment": [0, 1], "label": "a"}}, "", NOT_A_LIST),
        ({"annotations": [[0, 1, "a"]]}, ", segment 1", "must be an object"),
        ({"annotations": [{"label": "a"}]}, ", segment 1", NOT_A_SEGMENT),
        ({"annotations": [segment("a"), {"label": "a", "segment": "1-2"}]}, ", segment 2", NOT_A_SEGMENT),
        ({"annotations": [{"label": "a", "segment": [1, 2, 3]}]}, ", segment 1", NOT_A_SEGMENT),
        ({"annotations": [segment("a", start="1")]}, ", segment 1", "the start must be a number of seconds"),
        ({"annotations": [segment("a", end=[2])]}, ", segment 1", "the end must be a number of seconds"),
        ({"annotations": [{"segment": [1, 2]}]}, ", segment 1", "the label is missing"),
        (
            {"annotations": [], "duration": "60 s"},
            "",
            "the duration must be a number above 0, or be left out",
        ),
    ],
)
def test_a_wrong_type_at_any_depth_is_an_error_with_its_place(problems_of, video, place, message):
    content = {"database": {"fine": {"annotations": [segment("a")]}, "v": video}}
    assert problems_of(content) == [(f'video "v"{place}', message)]


def test_what_stands_more_than_once_in_the_json_is_an_error(problems_of):
    video = '{"annotations": []}'
    assert problems_of(f'{{"database": {{"v": {video}, "w": {video}, "v": {video}}}}}') == [
        ('video "v"', "this video is listed more than once")
    ]
    assert problems_of('{"database": {"v": {"duration": 1, "duration": 2, "annotations": []}}}') == [
        ('video "v"', "a key stands more than once")
    ]
    assert problems_of('{"database": {}, "database": {"v": {"annotations": []}}}') == [
        ("the top level", "a key stands more than once")
    ]
    repeated = '{"segment": [1, 2], "label": "a", "label": "b"}'
    assert problems_of(f'{{"database": {{"v": {{"annotations": [{repeated}]}}}}}}') == [
        ('video "v", segment 1', "a key stands more than once")
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"database": {\n  "v": }', r"is not valid JSON at line 2, column 8: Expecting value"),
        ("", r"is not valid JSON at line 1, column 1"),
        ("[1, 2]", r"holds a list of 2 at its top level; expected \{\"database\""),
        ('"v"', r"holds the text \"v\" at its top level"),
        (
            '{"results": {}, "version": 1}',
            r"is in no layout that is known \(its keys: \"results\"; \"version\"\)",
        ),
        ("{}", r"\(its keys: none\)"),
        ('{"database": [1]}', r"holds a list of 1 as \"database\""),
        ("[" * 100_000, r"cannot be read as JSON: "),
    ],
)
def test_a_file_that_is_no_such_json_raises_one_sentence(file, content, message):
    path = file(content)
    with pytest.raises(InputError, match=message) as caught:
        inspect_annotations(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads numbers of any size")
def test_a_number_too_long_to_read_raises_one_sentence(file):
    with pytest.raises(InputError, match="cannot be read as JSON: Exceeds the limit"):
        inspect_annotations(file(f'{{"database": {"1" * 5000}}}'))


def test_infinities_and_nan_in_the_json_are_errors(problems_of):
    content = '{"database": {"v": {"duration": NaN, "annotations": [{"segment": [0, Infinity], "label": "a"}]}}}'
    assert [message for _, message in problems_of(content)] == [
        "the duration must be a number above 0, or be left out",
        "the end must be a number of seconds",
    ]


def test_half_a_character_in_a_name_is_an_error_that_can_be_printed(file):
    annotations, problems = inspect_annotations(file('{"database": {"v\\ud800": {"annotations": []}}}'))
    assert annotations is None
    assert [str(p) for p in problems] == [
        'video "v\\ud800": the video\'s name holds half a character ("v\\ud800")'
    ]


def test_a_written_file_has_what_other_tools_ask_for(tmp_path, file):
    content = database(segment("Sprung", 4), segment("Öffnen", 2, 3.0, 4.5))
    annotations = read_annotations(file(content))
    path = tmp_path / "written.json"
    write_annotations(annotations, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "version": "untrimmed",
        "taxonomy": [],
        "classes": ["Öffnen", "Sprung"],
        "database": {
            "v": {
                "subset": "",
                "duration": 10.0,
                "annotations": [
                    {"segment": [1.0, 2.0], "label": "Sprung", "label_id": 1},
                    {"segment": [3.0, 4.5], "label": "Öffnen", "label_id": 0},
                ],
            }
        },
    }
    assert "Öffnen" in path.read_text(encoding="utf-8")


def test_ignored_stretches_are_read_and_written_as_a_key_of_their_video(tmp_path, file):
    content = {
        "database": {
            "v": {"annotations": [segment("a")], "ignored": [[7, 8.5], [0.5, 1]]},
            "w": {"annotations": [segment("a")]},
        }
    }
    annotations = read_annotations(file(content))
    assert annotations.ignored.video.tolist() == [0, 0]
    assert annotations.ignored.start_seconds.tolist() == [7.0, 0.5]
    assert annotations.ignored.end_seconds.tolist() == [8.5, 1.0]
    assert len(annotations.segments) == 2
    write_annotations(annotations, tmp_path / "written.json")
    database = json.loads((tmp_path / "written.json").read_text())["database"]
    assert database["v"]["ignored"] == [[7.0, 8.5], [0.5, 1.0]]
    assert "ignored" not in database["w"]


def test_a_table_warns_of_ignored_stretches_that_it_cannot_hold(tmp_path, file, caplog):
    video = {"annotations": [segment("a")], "ignored": [[7, 8], [8, 9]]}
    write_annotations(read_annotations(file({"database": {"v": video}})), tmp_path / "written.csv")
    (message,) = caplog.messages
    assert message.endswith("to be ignored (2 in all) are lost; a .json file would keep them: v")


@pytest.mark.parametrize(
    ("ignored", "place", "message"),
    [
        ({}, "", '"ignored" must be a list of stretches, each [start, end] in seconds'),
        ([[1, 2], [3]], ", ignored 2", "an ignored stretch must be a list of start and end in seconds"),
        ([5], ", ignored 1", "an ignored stretch must be a list of start and end in seconds"),
        ([[1, "2"]], ", ignored 1", "the end must be a number of seconds"),
    ],
)
def test_an_ignored_stretch_of_another_kind_is_an_error(problems_of, ignored, place, message):
    content = {"database": {"v": {"annotations": [segment("a")], "ignored": ignored}}}
    assert problems_of(content) == [(f'video "v"{place}', message)]


YOUTUBE = ("0Gr4aKQzGYk", "--0edUL8zmA", "c_NlYvL96y0")


def named(ids):
    return {"database": {name: {"annotations": [segment("a")], "ignored": [[3, 4]]} for name in ids}}


def test_a_prefix_of_all_names_is_taken_away_with_one_warning(file):
    # The third name begins with v_ itself, as two of ActivityNet do.
    annotations, problems = inspect_annotations(file(named(["v_0Gr4aKQzGYk", "v_--0edUL8zmA", "v_v_Vg4a8igc0"])))
    assert annotations.videos.ids == ("0Gr4aKQzGYk", "--0edUL8zmA", "v_Vg4a8igc0")
    assert annotations.segments.video.tolist() == annotations.ignored.video.tolist() == [0, 1, 2]
    assert [(p.severity, p.place, p.detail) for p in problems] == [("warning", "the file", "3 of 3 videos")]
    assert '"v_"' in problems[0].message


@pytest.mark.parametrize(
    "ids",
    [
        (*YOUTUBE, "v_Vg4a8igc0", "v_UmAH95xls"),  # the two of ActivityNet that begin so themselves
        ("v_Vg4a8igc0", "v_UmAH95xls"),
        ("v_1", "v_2", "v_3"),
        ("v_Biking_g01_c01", "v_Biking_g01_c02"),
        ("v_0Gr4aKQzGYk", *YOUTUBE[1:]),
    ],
)
def test_a_prefix_that_belongs_to_the_names_stays(file, ids):
    annotations, problems = inspect_annotations(file(named(ids)))
    assert annotations.videos.ids == tuple(ids)
    assert problems == []


def test_nearly_all_names_are_enough_for_a_prefix_and_the_others_stay(file):
    ids = [f"v_{number:011}" for number in range(100)]
    assert read_annotations(file(named([*ids, "mine"]))).videos.ids == (*(name[2:] for name in ids), "mine")
    assert read_annotations(file(named([*ids, "mine", "yours"]))).videos.ids == (*ids, "mine", "yours")


def test_names_that_we_wrote_ourselves_stay_as_they_are(tmp_path, file):
    content = named(["v_0Gr4aKQzGYk"]) | {"classes": ["a"]}
    annotations = read_annotations(file(content))
    assert annotations.videos.ids == ("v_0Gr4aKQzGYk",)
    write_annotations(annotations, tmp_path / "written.json")
    assert read_annotations(tmp_path / "written.json").videos.ids == ("v_0Gr4aKQzGYk",)
