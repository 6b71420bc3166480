"""Real files of annotations, against counts made with the json module alone."""

import json
import logging

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations, write_annotations
from untrimmed.annotations.summary import summarize

FILES = {
    "hapt": "hapt/annotations.json",
    "thumos14": "annotations/thumos14/thumos14.json",
    "activitynet13": "annotations/activitynet13/activitynet13.json",
}


@pytest.fixture
def real_file(shared):
    def path(name):
        file = shared / "data" / FILES[name]
        if not file.is_file():
            pytest.skip(f"{file} is absent")
        return file

    return path


def counted(path):
    """Instances a subset as they stand in the file, and how many are cut, dropped or repeated."""
    subsets, cut, dropped, repeats = {}, 0, 0, 0
    for video in json.loads(path.read_text())["database"].values():
        seen = set()
        for entry in video["annotations"]:
            start, end = entry["segment"]
            subsets[video["subset"]] = subsets.get(video["subset"], 0) + 1
            is_dropped = end <= start or start >= video["duration"]
            dropped += is_dropped
            cut += end > video["duration"] and not is_dropped
            key = (entry["label"], start, end)
            repeats += key in seen and not is_dropped
            seen.add(key)
    return subsets, cut, dropped, repeats


@pytest.mark.parametrize(
    ("name", "videos", "classes", "subsets"),
    [
        ("hapt", 61, 12, {"training": 853, "test": 361}),
        ("thumos14", 412, 20, {"Validation": 3007, "Test": 3358}),
        ("activitynet13", 14_950, 200, {"training": 15_410, "validation": 7_654}),
    ],
)
def test_every_instance_of_a_data_set_is_kept_or_accounted_for(real_file, name, videos, classes, subsets):
    in_file, cut, dropped, repeats = counted(real_file(name))
    assert in_file == subsets

    annotations, problems = inspect_annotations(real_file(name))
    assert len(annotations.videos) == videos
    assert len(annotations.classes) == classes
    assert len(annotations.segments) == sum(subsets.values()) - dropped
    messages = [problem.message for problem in problems]
    assert sum("cut to it" in message for message in messages) == cut
    assert sum("dropped" in message for message in messages) == dropped
    assert sum("repeats" in message for message in messages) == repeats
    assert len(messages) == cut + dropped + repeats


@pytest.mark.parametrize(
    ("name", "subsets", "late", "empty"),
    [
        ("thumos14", {"Validation": (200, 3007), "Test": (212, 3358)}, 30, 0),
        ("activitynet13", {"training": (10_024, 15_410), "validation": (4_926, 7_654)}, 495, 12),
    ],
)
def test_as_written_every_segment_is_there_as_it_stands_in_the_file(
    real_file, name, subsets, late, empty, caplog
):
    annotations = read_annotations(real_file(name), as_written=True)
    assert {
        subset: (len(annotations.subset(subset).videos), len(annotations.subset(subset).segments))
        for subset in set(annotations.videos.subsets)
    } == subsets
    segments = annotations.segments
    is_empty = segments.end_seconds <= segments.start_seconds
    behind = segments.end_seconds - annotations.videos.duration_seconds[segments.video]
    assert (is_empty.sum(), ((behind > 0.1) & ~is_empty).sum()) == (empty, late)
    assert caplog.messages == []


def test_the_names_of_activitynet_that_begin_like_the_prefix_stay(real_file, caplog):
    caplog.set_level(logging.ERROR)
    ids = read_annotations(real_file("activitynet13")).videos.index
    assert {"v_Vg4a8igc0", "v_UmAH95xls"} <= ids.keys()


def test_hapt_is_without_problems_and_its_classes_are_in_the_order_of_their_numbers(real_file):
    annotations, problems = inspect_annotations(real_file("hapt"), strict=True)
    assert problems == []
    assert annotations.classes == (
        "WALKING",
        "WALKING_UPSTAIRS",
        "WALKING_DOWNSTAIRS",
        "SITTING",
        "STANDING",
        "LAYING",
        "STAND_TO_SIT",
        "SIT_TO_STAND",
        "SIT_TO_LIE",
        "LIE_TO_SIT",
        "STAND_TO_LIE",
        "LIE_TO_STAND",
    )
    summary = summarize(annotations)
    assert summary.same_class.pairs == summary.different_classes.pairs == 0
    # Without overlaps the labelled time is the sum of all segments.
    total = (annotations.segments.end_seconds - annotations.segments.start_seconds).sum()
    assert summary.labelled_seconds == pytest.approx(total)
    assert summary.labelled_share == pytest.approx(0.73, abs=0.005)


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_written_and_read_again_is_the_same(real_file, tmp_path, name, caplog):
    caplog.set_level(logging.ERROR)
    annotations = read_annotations(real_file(name))
    for ending in (".json", ".csv"):
        write_annotations(annotations, tmp_path / f"again{ending}")
        again = read_annotations(tmp_path / f"again{ending}", strict=True, classes=annotations.classes)
        assert again.videos.ids == annotations.videos.ids
        assert summarize(again) == summarize(annotations)
