import json
import logging
from collections import Counter

import numpy as np
import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.annotations.multithumos import CLASSES
from untrimmed.errors import InputError

# Counted by others from the text files of the makers, over both subsets.
COUNTS = {
    "Run": 3693,
    "Jump": 3496,
    "NoHuman": 1176,
    "Diving": 887,
    "BasketballShot": 802,
    "TwoHandedCatch": 464,
    "HammerThrowSpin": 404,
    "OneRaisedArmCelebrate": 220,
    "PatPerson": 46,
    "VolleyballServe": 30,
    "VolleyballBump": 15,
}


@pytest.fixture
def real(shared):
    return shared / "data/annotations/multithumos/multithumos.json"


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "multithumos.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def folder(tmp_path):
    def write(files):
        for name, text in files.items():
            path = tmp_path / "multithumos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "multithumos"

    return write


def test_the_numbers_of_the_classes_begin_at_1(file):
    video = {"subset": "testing", "duration": 226.77, "actions": [[12, 18.6, 24.8], [65, 0.03, 0.23], [1, 2, 3]]}
    annotations, problems = inspect_annotations(file({"video_test_0000896": video, "w": video | {"actions": []}}))
    assert problems == []
    assert annotations.classes == CLASSES
    assert [CLASSES[label] for label in annotations.segments.label] == ["HighJump", "NoHuman", "BaseballPitch"]
    assert annotations.segments.start_seconds.tolist() == [18.6, 0.03, 2.0]
    assert annotations.videos.ids == ("video_test_0000896", "w")
    assert annotations.videos.subsets == ("testing", "testing")
    assert annotations.videos.duration_seconds.tolist() == [226.77, 226.77]


NOT_A_VIDEO = 'must be an object whose "actions" are a list, [] for a video without any'
NOT_A_CLASS = "the class must be a whole number from 1 to 65"


@pytest.mark.parametrize(
    ("video", "place", "message"),
    [
        (5, "", NOT_A_VIDEO),
        ({"duration": 5}, "", NOT_A_VIDEO),
        ({"actions": 5}, "", NOT_A_VIDEO),
        ({"actions": [5]}, ", action 1", "must be a list of class, start and end in seconds"),
        ({"actions": [[1, 2, 3], [1, 2]]}, ", action 2", "must be a list of class, start and end in seconds"),
        ({"actions": [[0, 2, 3]]}, ", action 1", NOT_A_CLASS),
        ({"actions": [[66, 2, 3]]}, ", action 1", NOT_A_CLASS),
        ({"actions": [[True, 2, 3]]}, ", action 1", NOT_A_CLASS),
        ({"actions": [["Run", 2, 3]]}, ", action 1", NOT_A_CLASS),
        ({"actions": [[1, "2", 3]]}, ", action 1", "the start must be a number of seconds"),
    ],
)
def test_a_wrong_type_at_any_depth_is_an_error_with_its_place(file, video, place, message):
    annotations, problems = inspect_annotations(file({"fine": {"actions": []}, "v": video}))
    assert annotations is None
    assert [(p.place, p.message) for p in problems] == [(f'video "v"{place}', message)]


def test_what_stands_more_than_once_is_an_error(file):
    _, problems = inspect_annotations(file('{"v": {"actions": []}, "v": {"actions": [], "actions": []}}'))
    assert [p.message for p in problems] == [
        "a key stands more than once",
        "this video is listed more than once",
    ]


def test_a_folder_of_text_files_gives_the_same_as_the_json(file, folder, tmp_path):
    actions = [[12, 18.6, 24.8], [12, 29.1, 34.8], [24, 42.0, 46.0]]
    by_json = read_annotations(
        file(
            {
                "video_test_0000896": {"subset": "testing", "duration": 226.77, "actions": actions},
                "video_validation_0000001": {"subset": "training", "duration": 50, "actions": [[24, 1, 2]]},
            }
        )
    )
    path = folder(
        {
            "README": "about",
            "annotations/HighJump.txt": "video_test_0000896 18.6 24.8\nvideo_test_0000896 29.1 34.8\n",
            "annotations/Stand.txt": "video_test_0000896 42.0 46.0\nvideo_validation_0000001 1 2\n",
        }
    )
    by_text, problems = inspect_annotations(path, videos=tmp_path / "multithumos.json")
    assert by_text.classes == by_json.classes
    assert by_text.videos.ids == by_json.videos.ids
    assert by_text.videos.subsets == by_json.videos.subsets
    assert by_text.videos.duration_seconds.tolist() == [226.77, 50.0]
    for column in ("video", "start_seconds", "end_seconds", "label"):
        np.testing.assert_array_equal(getattr(by_text.segments, column), getattr(by_json.segments, column))
    assert [p.message for p in problems] == ["has no file for some of its classes"]
    assert problems[0].detail.startswith("63 of 65: BaseballPitch; ")


def test_a_list_of_classes_beside_the_files_replaces_ours(folder):
    files = {
        "Stand.txt": "video_test_1 1 2\n",
        "Run.txt": "video_test_1 1 2\n",
        "class_list.txt": "1 Stand\n2 Run\n",
    }
    annotations, problems = inspect_annotations(folder(files))
    assert annotations.classes == ("Stand", "Run")
    assert problems == []


def test_a_file_that_is_named_after_no_class_is_an_error(folder):
    files = {"Stand.txt": "video_test_1 1 2\n", "Runn.txt": "video_test_1 1 2\n"}
    with pytest.raises(InputError, match=r'Runn.txt, line 1: .* \("Runn", of 1 segment; did you mean "Run"\?\)'):
        read_annotations(folder(files))


def test_the_real_file_has_its_counts(real, caplog):
    caplog.set_level(logging.ERROR)
    annotations = read_annotations(real, as_written=True)
    videos, segments = annotations.videos, annotations.segments
    assert Counter(videos.subsets) == {"training": 200, "testing": 213}
    subsets = np.array(videos.subsets)[segments.video]
    assert Counter(subsets.tolist()) == {"training": 18_482, "testing": 20_208}
    assert len(segments) == 38_690
    assert (segments.end_seconds > videos.duration_seconds[segments.video]).sum() == 65
    assert (segments.end_seconds <= segments.start_seconds).sum() == 7
    counts = np.bincount(segments.label, minlength=65)
    assert {name: counts[CLASSES.index(name)] for name in COUNTS} == COUNTS
    assert counts.min() > 0

    fitted, problems = inspect_annotations(real)
    assert len(fitted.segments) == 38_690 - 60 - 7
    assert Counter(problem.message for problem in problems) == {
        "a segment that does not end after its start, dropped": 7,
        "a segment that lies wholly outside its video, dropped": 60,
        "a segment that ends after its video, cut to it": 5,
    }


def test_the_classes_that_thumos14_has_too_stand_where_they_stand_there(real, shared, caplog):
    caplog.set_level(logging.ERROR)
    thumos = read_annotations(shared / "data/annotations/thumos14/thumos14.json", as_written=True)
    multi = read_annotations(real, as_written=True)
    for name in thumos.classes:
        there, here = instances(thumos, name), instances(multi, name)
        assert len(there & here) > 0.6 * len(there), name


def instances(annotations, name):
    segments = annotations.segments[annotations.segments.label == annotations.classes.index(name)]
    ids = [annotations.videos.ids[row] for row in segments.video]
    return set(zip(ids, segments.start_seconds.round(1), segments.end_seconds.round(1), strict=True))


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("HammerThrowWindUp", "HammerThrow"),
        ("HammerThrowSpin", "HammerThrow"),
        ("PoleVaultPlantPole", "PoleVault"),
        ("DiscusRelease", "ThrowDiscus"),
        ("WeightliftingClean", "CleanAndJerk"),
        ("VolleyballServe", "VolleyballSpiking"),
    ],
)
def test_a_part_of_an_action_happens_in_videos_of_that_action(real, caplog, part, whole):
    caplog.set_level(logging.ERROR)
    annotations = read_annotations(real)
    of_whole = {video_id for video_id, *_ in instances(annotations, whole)}
    of_part = [video_id for video_id, *_ in instances(annotations, part)]
    assert np.mean([video_id in of_whole for video_id in of_part]) > 0.9
