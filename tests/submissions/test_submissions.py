import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.detection.detections import Detections
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.submissions import activitynet, epic_kitchens
from untrimmed.submissions.epic_kitchens import ClassNumbers, Supervision
from untrimmed.submissions.pairing import paired


def detections_of(rows, video_ids=None, classifier=""):
    """Detections of rows (video, start, end, label, score)."""
    video, start, end, label, score = zip(*rows, strict=True) if rows else ((),) * 5
    ids, classes = tuple(video_ids or dict.fromkeys(video)), tuple(dict.fromkeys(label))
    return Detections(
        classes,
        ids,
        np.array([ids.index(name) for name in video], dtype=np.int64),
        np.array(start, float),
        np.array(end, float),
        np.array([classes.index(name) for name in label], dtype=np.int64),
        np.array(score, float),
        classifier,
    )


NUMBERS = ClassNumbers({"take": 0, "put": 1, "wash": 2}, {"tap": 0, "cup": 13, "board:chopping": 21})


def test_activitynets_file_names_videos_without_the_v_of_features(tmp_path):
    found = detections_of(
        [
            ("v_sJFgo9H6zNo", 1.5, 3, "Dive", 0.5),
            ("v_sJFgo9H6zNo", 4, 5, "Jump", 0.75),
            ("v_Vg4a8igc0", 0, 1, "Dive", 0.1),
        ],
        video_ids=("v_sJFgo9H6zNo", "v_Vg4a8igc0", "u2uoYvo8J5s"),
        classifier="cuhk.json",
    )
    activitynet.write_submission(found, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "version": "VERSION 1.3",
        "results": {
            "sJFgo9H6zNo": [
                {"label": "Jump", "score": 0.75, "segment": [4.0, 5.0]},
                {"label": "Dive", "score": 0.5, "segment": [1.5, 3.0]},
            ],
            "v_Vg4a8igc0": [{"label": "Dive", "score": 0.1, "segment": [0.0, 1.0]}],
            "u2uoYvo8J5s": [],
        },
        "external_data": {"used": True, "details": "video scores from cuhk.json"},
    }
    assert len(read_detections(tmp_path / "a.json")) == 3


def test_only_the_best_of_each_video_are_kept(tmp_path):
    rows = [("a", number, number + 1, "x", number / 10) for number in range(6)] + [("b", 0, 1, "x", 0.01)]
    kept = activitynet.write_submission(detections_of(rows), tmp_path / "a.json", per_video=2)
    assert [(one.video_id, one.score) for one in kept] == [("a", 0.5), ("a", 0.4), ("b", 0.01)]
    assert list(read_detections(tmp_path / "a.json")) == list(kept)


def test_one_video_under_two_names_is_refused(tmp_path):
    found = detections_of([("v_sJFgo9H6zNo", 0, 1, "x", 1), ("sJFgo9H6zNo", 0, 1, "x", 1)])
    with pytest.raises(InputError, match="both with v_ and without: sJFgo9H6zNo"):
        activitynet.write_submission(found, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


def test_a_verb_and_a_noun_at_a_time_are_an_action():
    verbs = detections_of([("a", 0, 10, "take", 0.9), ("a", 50, 60, "put", 0.5), ("c", 0, 10, "take", 0.9)])
    nouns = detections_of(
        [
            ("a", 0, 8, "cup", 0.4),  # tIoU 0.8 with take: 0.32
            ("a", 0, 10, "tap", 0.1),  # 1.0: 0.1
            ("a", 5, 10, "board:chopping", 0.5),  # 0.5, just enough: 0.25
            ("a", 6, 10, "cup", 1.0),  # 0.4, too little
            ("b", 50, 60, "cup", 1.0),  # another video
        ]
    )
    both = list(paired(verbs, nouns, pairs=2))
    assert [(one.video_id, one.label) for one in both] == [("a", "take cup"), ("a", "take board:chopping")]
    cup, board = both
    assert cup.score == pytest.approx(np.sqrt(0.9 * 0.4) * 0.8)
    assert (cup.start_seconds, cup.end_seconds) == pytest.approx((0, (0.9 * 10 + 0.4 * 8) / 1.3))
    assert board.score == pytest.approx(np.sqrt(0.9 * 0.5) * 0.5)
    assert (board.start_seconds, board.end_seconds) == pytest.approx((0.5 * 5 / 1.4, 10))
    assert paired(verbs, nouns, pairs=1).classes == ("take cup",)
    assert len(paired(verbs, nouns, pairs=9)) == 3
    assert paired(verbs, nouns, pairs=1).video_ids == ("a", "c", "b")


times = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(sorted)


def rows_of(names):
    row = st.tuples(
        st.sampled_from("ab"), times, st.sampled_from(names), st.sampled_from([0.0, 0.25, 0.5, 1.0])
    ).map(lambda row: (row[0], *row[1], *row[2:]))
    return st.lists(row, max_size=8)


@given(rows_of(["take", "put"]), rows_of(["cup", "tap"]), st.integers(1, 4))
def test_pairs_are_those_of_plain_loops(verb_rows, noun_rows, pairs):
    expected = []
    for video, start, end, verb, score in verb_rows:
        rivals = []
        for place, (other_video, other_start, other_end, noun, other_score) in enumerate(noun_rows):
            shared = max(0, min(end, other_end) - max(start, other_start))
            union = (end - start) + (other_end - other_start) - shared
            if video == other_video and union and shared / union >= 0.5:
                total = score + other_score
                share = score / total if total else 0.5
                segment = (
                    share * start + (1 - share) * other_start,
                    share * end + (1 - share) * other_end,
                )
                rivals.append((-other_score * shared / union, place, noun, shared / union, segment, other_score))
        for _, _, noun, tiou, segment, other_score in sorted(rivals)[:pairs]:
            expected.append((video, *segment, f"{verb} {noun}", (score * other_score) ** 0.5 * tiou))
    found = paired(detections_of(verb_rows), detections_of(noun_rows), pairs)

    def rounded(rows):
        return sorted(
            (video, round(s, 9), round(e, 9), label, round(score, 9)) for video, s, e, label, score in rows
        )

    assert rounded(found) == rounded(expected)
    assert np.all(np.diff(found.score) <= 0)


def test_epics_file_has_numbers_for_names(tmp_path):
    actions = detections_of([("P01_11", 1, 2.5, "take cup", 0.5), ("P01_11", 0, 1, "wash board:chopping", 0.75)])
    epic_kitchens.write_submission(actions, tmp_path / "e.json", NUMBERS, Supervision(2, 3, 4))
    assert json.loads((tmp_path / "e.json").read_text()) == {
        "version": "0.2",
        "challenge": "action_detection",
        "sls_pt": 2,
        "sls_tl": 3,
        "sls_td": 4,
        "results": {
            "P01_11": [
                {"verb": 2, "noun": 21, "action": "2,21", "score": 0.75, "segment": [0.0, 1.0]},
                {"verb": 0, "noun": 13, "action": "0,13", "score": 0.5, "segment": [1.0, 2.5]},
            ]
        },
    }


def test_epics_file_is_bounded(tmp_path):
    rows = [("a", number, number + 1, "take cup", number / 5000) for number in range(2100)]
    assert (
        len(
            epic_kitchens.write_submission(
                detections_of(rows), tmp_path / "e.json", NUMBERS, Supervision(0, 0, 0)
            )
        )
        == 2000
    )


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("take", 'the class "take" is no action'),
        ("tkae cup", '"tkae" is none of the 3 verbs of EPIC-KITCHENS-100; did you mean take?'),
        ("take cupp", '"cupp" is none of the 3 nouns of EPIC-KITCHENS-100; did you mean cup?'),
    ],
)
def test_a_class_that_is_none_is_refused(tmp_path, label, words):
    found = detections_of([("a", 0, 1, label, 1)])
    with pytest.raises(InputError) as caught:
        epic_kitchens.write_submission(found, tmp_path / "e.json", NUMBERS, Supervision(0, 0, 0))
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "1,2", "1,2,6", "1,2,-1", "1,2,3,4", "a,b,c", "1.0,2,3"])
def test_supervision_is_three_levels(text):
    with pytest.raises(InputError, match="three whole numbers from 0 to 5"):
        Supervision.parse(text)


def test_supervision_is_read():
    assert Supervision.parse("2, 3,4") == Supervision(2, 3, 4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,name\n0,take\n", "line 2: it must give a class as id,key"),
        ("id,key\n0,take\nx,put\n", "line 3: it must give a class as id,key"),
        ("id,key\n", "lists no classes"),
        ("", "lists no classes"),
    ],
)
def test_files_of_classes_that_are_none_are_refused(tmp_path, content, words):
    (tmp_path / "EPIC_100_verb_classes.csv").write_text(content)
    with pytest.raises(InputError, match=words):
        ClassNumbers.read(tmp_path)


def test_the_real_classes_are_read(shared):
    numbers = ClassNumbers.read(shared / "data/annotations/epic_kitchens_100")
    assert sorted(numbers.verbs.values()) == list(range(97))
    assert sorted(numbers.nouns.values()) == list(range(300))
    assert numbers.of_action("turn-on tap") == (6, 0)
