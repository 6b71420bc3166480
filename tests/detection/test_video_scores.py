import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.detection.video_scores import VideoScores, read_video_scores
from untrimmed.errors import InputError

#: The same scores in every layout.
SCORES = np.array([[0.9, 0.1, 0.0], [0.25, 0.5, 0.0]])
CLASSES = ("dive", "swim", "wait")
VIDEOS = ("a", "b")

VECTORS = {"results": {"a": [0.9, 0.1, 0], "b": [0.25, 0.5, 0.0]}, "class": list(CLASSES)}
WITHOUT_CLASSES = {"results": VECTORS["results"]}
LABELS = {
    "version": "VERSION 1.3",
    "results": {
        "a": [{"label": "swim", "score": 0.1}, {"label": "dive", "score": 0.9}, {"label": "wait", "score": 0.0}],
        "b": [{"label": "swim", "score": 0.5}, {"label": "dive", "score": 0.25}],
    },
    "external_data": {},
}
OBJECTS = {"a": {"swim": 0.1, "wait": 0, "dive": 0.9}, "b": {"dive": 0.25, "swim": 0.5}}


def write_json(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def write_npy(
    folder: Path, scores: Any = SCORES, videos: str | None = "a\nb\n", classes: str | None = None
) -> Path:
    np.save(folder / "scores.npy", scores)
    for name, text in (("videos", videos), ("classes", "dive\nswim\nwait\n" if classes is None else classes)):
        if text is not None:
            (folder / f"scores.{name}.txt").write_text(text)
    return folder / "scores.npy"


def assert_are_the_scores(read: VideoScores) -> None:
    assert (read.classes, read.video_ids) == (CLASSES, VIDEOS)
    assert read.scores.dtype == np.float64
    np.testing.assert_allclose(read.scores, SCORES)


# Layouts


@pytest.mark.parametrize("content", [VECTORS, LABELS, OBJECTS, {"results": OBJECTS}])
def test_the_layouts_that_name_their_classes(tmp_path, content):
    read = read_video_scores(write_json(tmp_path / "scores.json", content), classes=("other",))
    assert_are_the_scores(read)
    assert read.name == "scores.json"


@pytest.mark.parametrize("content", [WITHOUT_CLASSES, WITHOUT_CLASSES["results"]])
def test_classes_that_a_file_does_not_name_may_be_given(tmp_path, content):
    path = write_json(tmp_path / "scores.json", content)
    assert_are_the_scores(read_video_scores(path, classes=CLASSES))
    with pytest.raises(InputError, match='does not say which class each score belongs to: add the list "class"'):
        read_video_scores(path)


def test_a_vector_may_lie_in_a_list_of_its_own(tmp_path):
    content = {**VECTORS, "results": {"a": [[0.9, 0.1, 0]], "b": [[0.25, 0.5, 0.0]]}}
    assert_are_the_scores(read_video_scores(write_json(tmp_path / "scores.json", content)))


def test_a_matrix_with_its_names_beside_it(tmp_path):
    assert_are_the_scores(read_video_scores(write_npy(tmp_path)))
    assert_are_the_scores(read_video_scores(write_npy(tmp_path, classes=" dive\nswim \n\nwait")))


def test_a_video_that_names_no_class_has_no_scores(tmp_path):
    read = read_video_scores(write_json(tmp_path / "s.json", {"a": {"dive": 0.5}, "b": {}, "c": {"swim": 1}}))
    assert read.video_ids == ("a", "c")
    assert "b" not in read


# Logits


LOGITS = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])


def test_scores_beyond_probabilities_are_logits_of_the_whole_file(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "untrimmed"):
        read = read_video_scores(write_npy(tmp_path, LOGITS))
    powers = np.exp(LOGITS)
    np.testing.assert_allclose(read.scores, powers / powers.sum(axis=1, keepdims=True))
    (record,) = caplog.records
    assert "scores.npy: 2 of 6 scores are not between 0 and 1, so all are taken for logits" in record.getMessage()


def test_a_class_without_a_logit_scores_nothing(tmp_path):
    read = read_video_scores(write_json(tmp_path / "s.json", {"a": {"x": -1, "y": -1}, "b": {"z": -800.0}}))
    assert read.scores.tolist() == [[0.5, 0.5, 0], [0, 0, 1]]


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=1, max_size=4))
def test_whatever_the_scores_they_become_probabilities_in_the_same_order(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("scores")
    videos = "".join(f"{number}\n" for number in range(len(rows)))
    read = read_video_scores(write_npy(folder, np.array(rows), videos, "x\ny\n"))
    assert (read.scores >= 0).all()
    assert (read.scores <= 1).all()
    for given_row, row in zip(rows, read.scores, strict=True):
        assert (row[0] - row[1]) * (given_row[0] - given_row[1]) >= 0


# The names of videos


def test_a_prefix_of_either_side_does_not_matter():
    scores = VideoScores(("x",), ("a", "v_b", "c", "v_c"), np.arange(4.0)[:, None] / 4, "s.json")
    found = {name: scores.of(name).item() for name in ("a", "v_a", "b", "v_b", "c", "v_c")}
    assert found == {"a": 0, "v_a": 0, "b": 0.25, "v_b": 0.25, "c": 0.5, "v_c": 0.75}
    assert "v_a" in scores
    for other in ("d", "v_d", "v_v_a", "v_", "", "A"):
        assert other not in scores
        with pytest.raises(InputError, match=r"s\.json has no scores of the video"):
            scores.of(other)


# What is wrong


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "must hold an object with the scores of each video, but is a list of 1"),
        ({}, '"results" must be an object with the scores of each video'),
        ({"results": [1]}, '"results" must be an object'),
        ('{"a": [1], "a": [0]}', 'holds "a" more than once'),
        ('{"results": {"a": [1], "a": [0]}}', 'holds the video "a" more than once'),
        ({"results": {"a": [1]}, "class": "dive"}, '"class" must be a list of the names of the classes'),
        ({"results": {"a": [1, 0]}, "class": ["dive", "dive"]}, 'names the class "dive" more than once'),
        ({"results": {"a": [1, 0]}, "class": ["dive"]}, 'video "a": there are 2 scores, but 1 classes'),
        ({"results": {"a": []}, "class": ["dive"]}, 'video "a": there are 0 scores, but 1 classes'),
        ({"results": {"a": [None]}, "class": ["dive"]}, 'video "a": the score of "dive" must be a .* missing'),
        ({"results": {"a": ["1"]}, "class": ["dive"]}, 'the score of "dive" must be a finite number, but is the'),
        (
            '{"results": {"a": [NaN]}, "class": ["dive"]}',
            'the score of "dive" must be a finite number, but is nan',
        ),
        ({"a": {"dive": float("inf")}}, 'the score of "dive" must be a finite number, but is inf'),
        ({"a": {"dive": 1}, "b": [1]}, 'video "b": the scores must be a list of numbers in every video, or name'),
        ({"a": {"dive": 1}, "b": 1}, 'video "b": the scores must be .* but here they are 1'),
        ({"a": [{"label": "dive"}]}, 'video "a": the score of "dive" must be a finite number, but is missing'),
        ({"a": [{"score": 1}]}, 'video "a": the label must be the name of a class, but is missing'),
        ({"a": [{"label": 7, "score": 1}]}, "the label must be the name of a class, but is 7"),
        ({"a": [{"label": "x", "score": 1}] * 2}, 'video "a" names the class "x" more than once'),
        ('{"a": {"x": 1, "x": 0}}', 'video "a" names the class "x" more than once'),
        ({"a": {}}, "holds no score of any video"),
        ("{", "is not valid JSON at line 1"),
    ],
)
def test_json_that_is_wrong_is_told_with_its_place(tmp_path, content, message):
    path = write_json(tmp_path / "scores.json", content)
    with pytest.raises(InputError, match=message) as told:
        read_video_scores(path)
    assert str(path) in str(told.value)


def test_given_classes_must_be_as_many_as_the_scores(tmp_path):
    path = write_json(tmp_path / "scores.json", WITHOUT_CLASSES)
    with pytest.raises(InputError, match='video "a": there are 3 scores, but 2 classes'):
        read_video_scores(path, classes=("dive", "swim"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"videos": "a\n"},
            r"videos.txt has 1 names, but .*npy has the shape \(2, 3\), which must be \(videos, cl",
        ),
        ({"classes": "x\ny\n"}, r"classes.txt has 2 names.*classes\); its axes seem to be swapped"),
        ({"videos": "a\na\n"}, 'videos.txt names the video "a" more than once'),
        ({"classes": "x\ny\nx\n"}, 'classes.txt names the class "x" more than once'),
        ({"scores": np.zeros(3)}, r"scores.npy has the shape \(3,\); expected two axes \(videos, classes\)"),
        ({"scores": np.array([[0, 1, np.nan], [np.inf, 0, 0]])}, 'holds 2 scores that are NaN .* "wait" .* "a"'),
        ({"scores": np.zeros((0, 3)), "videos": ""}, r"scores.npy is empty: its shape is \(0, 3\)"),
        ({"scores": np.array([["a"] * 3] * 2)}, "scores.npy holds values of type <U1"),
        ({"scores": np.array([[None] * 3] * 2, dtype=object)}, "scores.npy holds values of type object"),
    ],
)
def test_a_matrix_that_is_wrong_is_told_with_its_file(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read_video_scores(write_npy(tmp_path, **changes))


@pytest.mark.parametrize("name", ["videos", "classes"])
def test_a_matrix_without_the_names_beside_it_says_which_file_lacks(tmp_path, name):
    path = write_npy(tmp_path)
    (tmp_path / f"scores.{name}.txt").unlink()
    with pytest.raises(
        InputError, match=rf"scores.npy needs \S*scores.{name}.txt beside it, with the name of one"
    ):
        read_video_scores(path)


@pytest.mark.parametrize("name", ["scores.json", "scores.npy", "scores.pkl"])
def test_a_file_that_is_not_there_or_of_another_kind(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot be read|must end in \.json or \.npy"):
        read_video_scores(tmp_path / name)
