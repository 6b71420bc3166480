import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrimmed.annotations.formats import read_annotations
from untrimmed.config import DataSection, HoldOut
from untrimmed.errors import InputError
from untrimmed.training import preparation
from untrimmed.training.preparation import in_fold, prepare


@pytest.fixture
def copy(task: Path, tmp_path: Path) -> Path:
    """The task, to be broken."""
    return Path(shutil.copytree(task, tmp_path / "copy"))


def section(folder: Path, **changes: object) -> DataSection:
    places = {"annotations": folder / "annotations.json", "features": folder / "features"}
    return DataSection.model_validate(places | changes)


def change_annotations(folder: Path, change) -> None:
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    change(content["database"])
    path.write_text(json.dumps(content))


def names(kind: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{kind}-{number}" for number in numbers)


# Which videos are for what


def test_the_subsets_of_the_recipe_are_learned_from_and_held_out(task):
    material = prepare(section(task, validation_subset="validation"))
    assert material.training.videos.ids == names("training", *range(7))
    assert material.held_out.videos.ids == names("validation", *range(3))
    assert material.training.classes == material.held_out.classes == ("push", "wave")
    assert material.store.dimension == 8


def test_without_a_validation_nothing_is_held_out(task):
    assert prepare(section(task)).held_out is None


def test_a_part_of_the_training_subset_can_be_held_out(task):
    material = prepare(section(task, hold_out={"folds": 3, "fold": 1}))
    assert material.held_out.videos.ids == names("training", 1, 4)
    assert material.training.videos.ids == names("training", 0, 2, 3, 5, 6)


def test_every_video_of_both_parts_is_looked_at_once_and_none_of_the_others(task):
    asked = []

    def watch(video_ids):
        for video_id in video_ids:
            asked.append(video_id)
            yield video_id

    prepare(section(task, validation_subset="validation"), watch)
    assert asked == [*names("training", *range(7)), *names("validation", *range(3))]


def test_where_only_the_times_count_there_is_one_class(task):
    material = prepare(section(task, validation_subset="validation", class_agnostic=True))
    assert material.training.classes == material.held_out.classes == ("action",)
    named = prepare(section(task, validation_subset="validation"))
    for part, other in ((material.training, named.training), (material.held_out, named.held_out)):
        assert set(other.segments.label) == {0, 1}
        assert set(part.segments.label) == {0}
        np.testing.assert_array_equal(part.segments.start_seconds, other.segments.start_seconds)


def test_the_label_and_the_file_of_videos_are_handed_to_whoever_reads_the_annotations(task, monkeypatch):
    asked = []

    def watched(path, **options):
        asked.append((path, options))
        return read_annotations(path)

    monkeypatch.setattr(preparation, "read_annotations", watched)
    prepare(section(task, label="verb", videos="videos.csv"))
    prepare(section(task))
    assert asked == [
        (task / "annotations.json", {"label": "verb", "videos": Path("videos.csv")}),
        (task / "annotations.json", {"label": None, "videos": None}),
    ]


def test_headers_are_enough_if_the_recipe_says_so(copy, caplog):
    features = copy / "features"
    (features / "training-1.npy").unlink()
    (features / "training-4.npy").write_bytes(b"no array")
    np.save(features / "training-5.npy", np.full((30, 8), np.nan, dtype=np.float32))
    with caplog.at_level(logging.WARNING, "untrimmed"):
        material = prepare(section(copy, check_values=False))
    assert material.training.videos.ids == names("training", 0, 2, 3, 5, 6)
    assert len(caplog.records) == 2


# Videos that cannot be used


def test_videos_without_usable_features_are_left_out_and_named_by_what_is_wrong(copy, caplog):
    features = copy / "features"
    (features / "training-1.npy").unlink()
    (features / "training-3.npy").unlink()
    (features / "training-4.npy").write_bytes(b"no array")
    np.save(features / "training-5.npy", np.full((30, 8), np.nan, dtype=np.float32))
    np.save(features / "training-6.npy", np.zeros((30, 9), dtype=np.float32))
    (features / "validation-0.npy").unlink()
    with caplog.at_level(logging.WARNING, "untrimmed"):
        material = prepare(section(copy, validation_subset="validation"))
    assert material.training.videos.ids == names("training", 0, 2)
    assert material.held_out.videos.ids == names("validation", 1, 2)
    said = [record.getMessage() for record in caplog.records]
    assert "2 of 7 videos have no features: training-1, training-3" in said
    assert "1 of 3 videos have no features: validation-0" in said
    for wrong, video_id in (("cannot be read", "training-4"), ("NaN", "training-5"), ("dimension", "training-6")):
        assert any(wrong in sentence and video_id in sentence for sentence in said)
    assert len(said) == 5


def test_the_others_keep_their_own_segments(copy):
    whole = prepare(section(copy)).training
    (copy / "features" / "training-0.npy").unlink()
    rest = prepare(section(copy)).training
    assert len(rest.segments) == len(whole.segments) - len(whole.segments_of("training-0"))
    for video_id in rest.videos.ids:
        expected = whole.segments_of(video_id).start_seconds
        np.testing.assert_array_equal(rest.segments_of(video_id).start_seconds, expected)


def test_a_task_without_any_usable_features_is_refused_with_the_reasons(copy):
    for path in (copy / "features").glob("training-*.npy"):
        path.unlink()
    with pytest.raises(
        InputError, match="no video has features that can be used: 7 of 7 videos have no features"
    ):
        prepare(section(copy))


@pytest.mark.parametrize(("factor", "said"), [(2.0, "are 0.494 times as long"), (0.5, "are 1.91 times as long")])
def test_features_that_are_as_a_whole_too_short_or_too_long_for_their_videos_are_refused(copy, factor, said):
    def stretch(database):
        for video in database.values():
            video["duration"] *= factor

    change_annotations(copy, stretch)
    with pytest.raises(InputError, match="do not fit the durations of their videos") as caught:
        prepare(section(copy))
    assert said in str(caught.value)


def test_single_videos_of_another_length_and_unknown_durations_are_let_be(copy):
    def change(database):
        database["training-0"]["duration"] *= 3
        del database["training-1"]["duration"]

    change_annotations(copy, change)
    assert len(prepare(section(copy)).training.videos) == 7


def test_a_task_without_actions_is_refused(copy):
    change_annotations(copy, lambda database: [
        database[video].update(annotations=[]) for video in names("training", *range(7))
    ])  # fmt: skip
    with pytest.raises(InputError, match="nothing to learn"):
        prepare(section(copy))


def test_a_validation_without_actions_is_refused(copy):
    change_annotations(copy, lambda database: [
        database[video].update(annotations=[]) for video in names("validation", *range(3))
    ])  # fmt: skip
    with pytest.raises(InputError, match="3 videos to validate on hold no action"):
        prepare(section(copy, validation_subset="validation"))


@pytest.mark.parametrize("key", ["training_subset", "validation_subset"])
def test_a_subset_that_does_not_exist_is_refused_with_those_that_do(task, key):
    with pytest.raises(InputError, match='no subset "tuning"; theirs are: "test", "training", "validation"'):
        prepare(section(task, **{key: "tuning"}))


# Folds


def test_groups_are_dealt_to_the_folds_in_alphabetical_order():
    ids = ("kim-2", "ann-1", "bob-1", "kim-1", "dan-1", "ann-2")
    held = [in_fold(ids, HoldOut(folds=2, fold=fold, group=r"^\w+")).tolist() for fold in (0, 1)]
    # ann and dan, then bob and kim.
    assert held[0] == [False, True, False, False, True, True]
    assert held[1] == [True, False, True, True, False, False]


def test_a_video_whose_id_does_not_match_is_a_group_of_its_own():
    held = in_fold(("u1-a", "u1-b", "x"), HoldOut(folds=2, fold=1, group=r"u\d"))
    assert held.tolist() == [False, False, True]


@given(st.sets(st.text("abc-", min_size=1, max_size=4), min_size=5), st.integers(2, 5), st.randoms())
def test_every_video_is_held_out_in_one_fold_whatever_their_order(names, folds, random):
    ids = tuple(names)
    held = [in_fold(ids, HoldOut(folds=folds, fold=fold)) for fold in range(folds)]
    assert (np.sum(held, axis=0) == 1).all()
    assert max(map(np.sum, held)) - min(map(np.sum, held)) <= 1
    shuffled = list(ids)
    random.shuffle(shuffled)
    again = in_fold(tuple(shuffled), HoldOut(folds=folds, fold=0))
    assert dict(zip(shuffled, again, strict=True)) == dict(zip(ids, held[0], strict=True))


@pytest.mark.parametrize(
    ("hold_out", "message"),
    [
        (HoldOut(folds=3, group=r"^\w+"), r"folds is 3, but must be at most 2.*: ann\W+bob"),
        (HoldOut(folds=2, fold=2), "fold is 2, but must be below folds, 2"),
        (HoldOut(folds=2, group="(open"), "group is not a regular expression"),
    ],
)
def test_folds_that_cannot_be_are_refused(hold_out, message):
    with pytest.raises(InputError, match=message):
        in_fold(("ann-1", "ann-2", "bob-1"), hold_out)
