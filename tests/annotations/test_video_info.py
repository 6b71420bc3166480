import logging

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.errors import InputError

LABELS = "video,start,end,label,duration,fps\nv,1,2,a,10,\nw,1,2,a,,\nx,1,2,a,,25\n"


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(LABELS)
    return path


@pytest.fixture
def info(tmp_path):
    def write(text, name="info.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def values(annotations):
    return str(annotations.videos.duration_seconds.tolist()), str(annotations.videos.fps.tolist())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("video_id,duration,fps,resolution\nv,10.5,30,1x1\nw,20,30,1x1\nx,30,30,1x1\ny,1,1,1x1\n", "info.csv"),
        ("fps;duration;video\n30;10.5;v\n30;20;w\n30;30;x\n", "info.csv"),
        ("video\tduration\tfps\nv\t10.5\t30\nw\t20\t30\nx\t30\t30\n", "info.tsv"),
        ("video,start,end,label,duration,fps\nv,,,,10.5,30\nw,5,6,b,20,30\nx,9,3,c,30,30\n", "info.csv"),
        (
            '{"v": {"duration": 10.5, "fps": 30, "actions": []}, '
            '"w": {"duration": 20, "fps": 30, "actions": []}, '
            '"x": {"duration": 30, "fps": 30, "actions": []}}',
            "info.json",
        ),
    ],
)
def test_only_what_is_lacking_is_filled_from_a_file_of_any_kind(labels, info, text, name):
    annotations, problems = inspect_annotations(labels, videos=info(text, name))
    assert problems == []
    assert values(annotations) == ("[10.0, 20.0, 30.0]", "[30.0, 30.0, 25.0]")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("video,duration", ("[10.0, 20.0, 20.0]", "[nan, nan, 25.0]")),
        ("video,fps", ("[10.0, nan, nan]", "[20.0, 20.0, 25.0]")),
    ],
)
def test_one_of_the_two_columns_may_be_absent(labels, info, header, expected, caplog):
    caplog.set_level(logging.ERROR)
    assert values(read_annotations(labels, videos=info(f"{header}\nv,20\nw,20\nx,20\n"))) == expected


def test_videos_that_are_unknown_there_are_told_in_one_warning(labels, info):
    annotations, problems = inspect_annotations(labels, videos=info("video,fps\nx,30\n"))
    assert values(annotations) == ("[10.0, nan, nan]", "[nan, nan, 25.0]")
    assert [str(p) for p in problems] == ["info.csv: does not know some of the videos (2 of 3: v; w)"]
    assert [p.severity for p in problems] == ["warning"]


def test_a_file_that_knows_none_of_the_videos_is_an_error(labels, info):
    with pytest.raises(
        InputError, match=r"info.csv knows none of the 3 videos of the annotations \(v; w; x\); give"
    ):
        read_annotations(labels, videos=info("video,fps\ny,30\n"))


@pytest.mark.parametrize(("other", "told"), [("11", False), ("9", False), ("11.5", True), ("8.5", True)])
def test_durations_that_differ_by_more_than_a_second_are_told_and_the_own_stays(labels, info, other, told):
    annotations, problems = inspect_annotations(labels, videos=info(f"video,duration\nv,{other}\nw,20\nx,20\n"))
    assert annotations.videos.duration_seconds.tolist() == [10.0, 20.0, 20.0]
    message = (
        "info.csv: says other durations than the annotations, whose own stay "
        f"(1 of 3 videos: v (10 s, there {other} s))"
    )
    assert [str(p) for p in problems] == ([message] if told else [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,duration\nw,long\n", r"info.csv, line 2: the duration must be a number above 0, or be left out"),
        ("video,duration,fps\nw,5,-1\n", r"info.csv, line 2: fps must be a number above 0, or be left out"),
        ("video,duration\nw,5\nw,5\n", r"info.csv, line 3: this video is listed more than once"),
        ("video,duration\nv,5\nw,5,6\n", r"info.csv, line 3: has more cells than the first line"),
        ("video,length\nw,5\n", r"info.csv does not say durations or frame rates of videos"),
    ],
)
def test_a_file_of_another_kind_is_an_error(labels, info, text, message):
    with pytest.raises(InputError, match=message):
        read_annotations(labels, videos=info(text))


def test_videos_of_epic_kitchens_need_no_label(labels, info):
    header = "narration_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class"
    info("video_id,duration,fps\nw,33,50\n", "EPIC_100_video_info.csv")
    path = info(f"{header}\nw_0,w,00:00:00.00,00:00:01.00,0,0\n", "EPIC_100_train.csv")
    annotations, _ = inspect_annotations(labels, videos=path)
    assert values(annotations) == ("[10.0, 33.0, nan]", "[nan, 50.0, 25.0]")
