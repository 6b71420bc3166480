import logging

import numpy as np
import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.errors import InputError

HEADER = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
    "narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes"
)
TEST_HEADER = HEADER.partition(",narration,")[0]
VERBS = (
    'id,key,instances,category\r\n1,put,"[\'put\', \'lay\']",leave\r\n0,take,"[]",retrieve\r\n2,wash,"[]",x\r\n'
)
NOUNS = 'id,key,instances,category\n0,tap,"[]",appliances\n1,spoon,"[]",cutlery\n2,board:chopping,"[]",crockery\n'
INFO = "video_id,duration,fps,resolution\nP01_01,4000.5,59.94,1920x1080\nP01_02,100,50,1920x1080\nP09_09,1,2,x\n"


def line(number, video, start, stop, verb, noun):
    times = f"00:00:00.560,{start},{stop},1,113"
    nouns = "\"['plate', 'x']\",\"[2, 3]\""
    return f"{video}_{number},{video[:3]},{video},{times},take plate,get,{verb},plate,{noun},{nouns}"


TRAIN = [
    line(0, "P01_01", "00:00:00.00", "00:00:01.89", 0, 2),
    line(1, "P01_01", "01:02:03.50", "01:02:04.25", 1, 0),
    line(2, "P01_01", "00:00:05.00", "00:00:06.00", 0, 2),
]
VALIDATION = [line(0, "P01_02", "00:00:10.00", "00:00:12.00", 0, 0)]


@pytest.fixture
def folder(tmp_path):
    """A folder like that of EPIC-KITCHENS-100, with what is to be added or, where None, left out."""

    def write(**files):
        texts = {
            "train.csv": "\n".join([HEADER, *TRAIN]),
            "validation.csv": "\n".join([HEADER, *VALIDATION]),
            "verb_classes.csv": VERBS,
            "noun_classes.csv": NOUNS,
            "video_info.csv": INFO,
        }
        for name, text in (texts | {f"{name}.csv": text for name, text in files.items()}).items():
            if text is not None:
                (tmp_path / f"EPIC_100_{name}").write_text(text)
        return tmp_path

    return write


def labels(annotations):
    return [annotations.classes[label] for label in annotations.segments.label]


def test_a_folder_holds_both_subsets(folder):
    annotations, problems = inspect_annotations(folder(), label="verb")
    assert problems == []
    assert annotations.classes == ("take", "put", "wash")
    assert annotations.videos.ids == ("P01_01", "P01_02")
    assert annotations.videos.subsets == ("training", "validation")
    assert annotations.videos.duration_seconds.tolist() == [4000.5, 100.0]
    assert annotations.videos.fps.tolist() == [59.94, 50.0]
    assert labels(annotations) == ["take", "put", "take", "take"]
    assert annotations.segments.video.tolist() == [0, 0, 0, 1]
    assert annotations.segments.start_seconds.tolist() == [0.0, 3723.5, 5.0, 10.0]
    assert annotations.segments.end_seconds.tolist() == [1.89, 3724.25, 6.0, 12.0]


def test_nouns_and_actions_are_other_labels_of_the_same_segments(folder):
    nouns = read_annotations(folder(), label="noun")
    assert nouns.classes == ("tap", "spoon", "board:chopping")
    assert labels(nouns) == ["board:chopping", "tap", "board:chopping", "tap"]
    actions = read_annotations(folder(), label="action")
    assert actions.classes == ("take tap", "take board:chopping", "put tap")
    assert labels(actions) == ["take board:chopping", "put tap", "take board:chopping", "take tap"]


def test_one_file_has_its_own_subset_and_its_own_actions(folder):
    annotations = read_annotations(folder() / "EPIC_100_train.csv", label="action")
    assert annotations.videos.ids == ("P01_01",)
    assert annotations.videos.subsets == ("training",)
    assert annotations.classes == ("take board:chopping", "put tap")


@pytest.mark.parametrize(
    ("name", "subset"),
    [("my_train.csv", "training"), ("P01_val.csv", "validation"), ("x.csv", ""), ("TEST.csv", "test")],
)
def test_the_subset_is_told_by_the_name_of_the_file(folder, name, subset):
    path = folder() / name
    path.write_text("\n".join([HEADER, *TRAIN]))
    assert read_annotations(path, label="verb").videos.subsets == (subset,)


def test_without_the_files_of_classes_their_numbers_are_the_names(folder):
    path = folder(verb_classes=None)
    annotations, problems = inspect_annotations(path, label="verb")
    assert annotations.classes == ("0", "1")
    assert [str(p) for p in problems] == [
        "EPIC_100_verb_classes.csv: is not beside the file, so classes are named by their numbers"
    ]
    assert read_annotations(path, label="action").classes == ("0 tap", "0 board:chopping", "1 tap")


def test_numbers_as_names_are_in_the_order_of_numbers(folder):
    lines = [line(n, "P01_01", "00:00:00.00", "00:00:01.00", verb, 0) for n, verb in enumerate((10, 9, 2))]
    path = folder(train="\n".join([HEADER, *lines]), verb_classes=None)
    assert read_annotations(path / "EPIC_100_train.csv", label="verb").classes == ("2", "9", "10")


def test_without_their_file_durations_come_from_another_or_are_unknown(folder, tmp_path):
    path = folder(video_info=None) / "EPIC_100_validation.csv"
    assert np.isnan(read_annotations(path, label="verb").videos.duration_seconds).all()
    (tmp_path / "mine.csv").write_text("video,duration\nP01_02,11\n")
    annotations, problems = inspect_annotations(path, label="verb", videos=tmp_path / "mine.csv")
    assert annotations.videos.duration_seconds.tolist() == [11.0]
    assert annotations.segments.end_seconds.tolist() == [11.0]
    assert [p.place for p in problems] == ["line 2"]


def test_the_test_file_has_videos_without_segments(folder, tmp_path):
    timestamps = "P01_01_0,P01,P01_01,00:00:02.851,00:00:02.86,00:00:03.87,143,193"
    folder()
    path = tmp_path / "EPIC_100_test_timestamps.csv"
    path.write_text(f"{TEST_HEADER}\n{timestamps}\n")
    annotations, problems = inspect_annotations(path, label="noun")
    assert annotations.videos.ids == ("P01_01",)
    assert annotations.videos.subsets == ("test",)
    assert len(annotations.segments) == 0
    assert len(annotations.classes) == 3
    assert [str(p) for p in problems] == [
        "EPIC_100_test_timestamps.csv: has no classes, so its videos come without segments (1 lines)"
    ]


def test_which_label_counts_must_be_said(folder):
    with pytest.raises(
        InputError, match=r"a verb and a noun; say which label counts: --label verb, noun or action"
    ):
        read_annotations(folder())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            line(0, "P01_01", "00:00:61.00", "00:01:01.00", 0, 0),
            "start_timestamp must be a time like 00:01:02.34",
        ),
        (line(0, "P01_01", "00:00:01.00", "", 0, 0), "stop_timestamp must be a time like 00:01:02.34"),
        (line(0, "P01_01", "00:00:01.00", "00:00:02.00", "take", 0), "verb_class must be the number of a class"),
        (line(0, "P01_01", "00:00:01.00", "00:00:02.00", "-1", 0), "verb_class must be the number of a class"),
        (
            line(0, "P01_01", "00:00:01.00", "00:00:02.00", 97, 0),
            "verb_class is not in EPIC_100_verb_classes.csv",
        ),
        (line(0, "P01_01", "00:00:01.00", "00:00:02.00", 0, 0) + ",x", "has more cells than the first line"),
    ],
)
def test_a_line_of_another_kind_is_an_error_with_its_place(folder, wrong, message):
    annotations, problems = inspect_annotations(folder(train=f"{HEADER}\n{wrong}"), label="verb")
    assert annotations is None
    (problem,) = (p for p in problems if p.severity == "error")
    assert problem.place == "EPIC_100_train.csv, line 2"
    assert problem.message.startswith(message)


def test_a_video_in_both_files_is_an_error(folder):
    with pytest.raises(InputError, match=r"the video stands in more than one subset"):
        read_annotations(folder(validation="\n".join([HEADER, *TRAIN])), label="verb")


@pytest.mark.parametrize(("name", "column"), [("train", "stop_timestamp"), ("train", "verb_class")])
def test_a_column_that_is_missing_is_an_error(folder, name, column):
    with pytest.raises(InputError, match=rf"EPIC_100_{name}.csv lacks the column {column} of EPIC-KITCHENS-100"):
        read_annotations(folder(**{name: HEADER.replace(column, "x")}), label="verb")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (
            "number,name\n0,take\n",
            r"EPIC_100_verb_classes.csv lacks the column id and key; it should hold id,key",
        ),
        ("id,key\nx,take\n", r"EPIC_100_verb_classes.csv, line 2: id must be the number of a class"),
        ("id,key\n0,take\n1,put\n1,wash\n", r"line 4: a number of a class stands more than once \(1\)"),
        ("id,key\n0,take\n1,take\n", r"a class is listed more than once \(take\)"),
        ("id,key\n0,take\n1,\n", r"a class is missing"),
    ],
)
def test_a_file_of_classes_of_another_kind_is_an_error(folder, classes, message):
    with pytest.raises(InputError, match=message):
        read_annotations(folder(verb_classes=classes), label="verb")


@pytest.fixture
def real(shared):
    return shared / "data/annotations/epic_kitchens_100"


@pytest.mark.parametrize(
    ("label", "classes", "used"), [("verb", 97, 78), ("noun", 300, 211), ("action", 1352, 1352)]
)
def test_the_real_file_has_its_counts(real, label, classes, used):
    annotations, problems = inspect_annotations(real / "EPIC_100_validation.csv", label=label)
    assert len(annotations.classes) == classes
    assert len(np.unique(annotations.segments.label)) == used
    assert (len(annotations.videos), len(annotations.segments)) == (138, 9_668)
    assert set(annotations.videos.subsets) == {"validation"}
    assert not np.isnan(annotations.videos.duration_seconds).any()
    assert not np.isnan(annotations.videos.fps).any()
    assert [p.message for p in problems] == ["a segment that ends after its video, cut to it"]


def test_the_one_late_segment_is_left_where_that_is_asked_for(real, caplog):
    caplog.set_level(logging.WARNING)
    annotations = read_annotations(real, label="verb", as_written=True)
    ends = annotations.videos.duration_seconds[annotations.segments.video]
    assert (annotations.segments.end_seconds > ends).sum() == 1
    assert caplog.messages == []
