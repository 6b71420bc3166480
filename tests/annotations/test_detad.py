import json
import logging

import numpy as np
import pytest

from untrimmed.annotations.detad import read_characteristics
from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.errors import InputError

NULLS = {"context-size": None, "context-distance": None, "agreement": None, "all-segments": None}


def segment(start, end, coverage, **more):
    return {"segment": [start, end], "label": "a", "length": end - start, "coverage": coverage} | NULLS | more


@pytest.fixture
def file(tmp_path):
    def write(database):
        path = tmp_path / "characteristics.json"
        path.write_text(json.dumps({"taxonomy": [], "version": [], "database": database}))
        return path

    return write


@pytest.fixture
def real(shared):
    return {
        "test": shared / "data/annotations/thumos14/thumos14_test_extra_characteristics.json",
        "validation": shared / "data/annotations/thumos14/thumos14_val_extra_characteristics.json",
        "thumos14": shared / "data/annotations/thumos14/thumos14.json",
        "six": shared / "parity/detad/synthetic_six_characteristics/ground_truth.json",
    }


def test_a_duration_is_the_median_of_what_the_segments_say_and_one_that_is_stated_stays(file):
    segments = [segment(0, 10, 0.1), segment(0, 10, 0.2), segment(0, 10, 0.125)]
    database = {
        "v": {"subset": "testing", "annotations": segments},
        "w": {"subset": "testing", "duration": 30.0, "annotations": segments},
        "x": {"subset": "testing", "annotations": []},
        "y": {"subset": "testing", "annotations": [segment(1, 2, 0), segment(1, 2, None)]},
    }
    annotations, problems = inspect_annotations(file(database), as_written=True)
    assert str(annotations.videos.duration_seconds.tolist()) == "[80.0, 30.0, nan, nan]"
    assert annotations.videos.subsets == ("testing",) * 4
    assert [(p.severity, p.place, p.detail) for p in problems] == [("warning", "the file", "1 of 4 videos")]
    assert "computed: the median of length / coverage" in problems[0].message


def test_both_spellings_are_read_and_what_is_missing_is_nan(file):
    database = {
        "v": {
            "annotations": [
                segment(1, 3, 0.5, **{"num-instances": 2, "context-size": 4, "context-distance": 1}),
                segment(2, 3, 0.25, num_instances=3, context_size=0, context_distance=3, agreement=0.5),
            ]
        },
        "w": {"annotations": [{"segment": [0, 1], "label": "a"}]},
    }
    found = read_characteristics(file(database))
    assert len(found) == 3
    np.testing.assert_array_equal(found.coverage, [0.5, 0.25, np.nan])
    np.testing.assert_array_equal(found.length_seconds, [2.0, 1.0, np.nan])
    np.testing.assert_array_equal(found.instances, [2.0, 3.0, np.nan])
    np.testing.assert_array_equal(found.context_size, [4.0, 0.0, np.nan])
    np.testing.assert_array_equal(found.context_distance, [1.0, 3.0, np.nan])
    np.testing.assert_array_equal(found.agreement, [np.nan, 0.5, np.nan])


@pytest.mark.parametrize("value", ["XS", True, [1], float("nan")])
def test_a_characteristic_that_is_no_number_is_an_error_with_its_place(file, value):
    path = file({"v": {"annotations": [segment(0, 1, 0.5), segment(0, 1, 0.5) | {"agreement": value}]}})
    with pytest.raises(
        InputError, match=r'json, video "v", segment 2: "agreement" must be a number or null, but'
    ):
        read_characteristics(path)


@pytest.mark.parametrize("content", ['{"database": {"v": {"annotations": []}}}', "[]", '{"v": {"actions": []}}'])
def test_a_file_without_characteristics_is_an_error(tmp_path, content):
    path = tmp_path / "plain.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"plain.json holds no characteristics of segments; expected .*DETAD"):
        read_characteristics(path)


@pytest.mark.parametrize(
    ("name", "subset", "videos", "instances", "dropped", "cut"),
    [("test", "testing", 212, 3358, 26, 0), ("validation", "validation", 200, 3003, 0, 1)],
)
def test_the_files_of_thumos14_have_their_counts(real, caplog, name, subset, videos, instances, dropped, cut):
    caplog.set_level(logging.ERROR)
    annotations = read_annotations(real[name], as_written=True)
    assert (len(annotations.videos), len(annotations.segments)) == (videos, instances)
    assert set(annotations.videos.subsets) == {subset}
    assert len(annotations.classes) == 20

    fitted, problems = inspect_annotations(real[name])
    assert len(fitted.segments) == instances - dropped
    assert sum("dropped" in problem.message for problem in problems) == dropped
    assert sum("cut to it" in problem.message for problem in problems) == cut

    found = read_characteristics(real[name])
    lengths = annotations.segments.end_seconds - annotations.segments.start_seconds
    np.testing.assert_allclose(found.length_seconds, lengths, atol=1e-9)
    in_video = np.bincount(annotations.segments.video)[annotations.segments.video]
    np.testing.assert_array_equal(found.instances, in_video)
    assert np.isnan(found.context_size).all()


@pytest.mark.parametrize("name", ["test", "validation"])
def test_computed_durations_are_those_of_the_videos(real, caplog, name):
    caplog.set_level(logging.ERROR)
    found, stated = read_annotations(real[name]), read_annotations(real["thumos14"])
    rows = [stated.videos.index[video_id] for video_id in found.videos.ids]
    np.testing.assert_allclose(found.videos.duration_seconds, stated.videos.duration_seconds[rows], atol=0.25)


def test_all_six_characteristics_are_read(real):
    found = read_characteristics(real["six"])
    database = json.loads(real["six"].read_text())["database"]
    segments = [segment for video in database.values() for segment in video["annotations"]]
    assert len(found) == len(segments) == 171
    for key in ("coverage", "context-size", "context-distance", "agreement"):
        column = getattr(found, key.replace("-", "_"))
        np.testing.assert_array_equal(column, [segment[key] for segment in segments])
