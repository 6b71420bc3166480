import math

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations, write_annotations
from untrimmed.errors import InputError

TABLE = """video,start,end,label,duration,fps,subset
v1,1.5,3,Dive,60,30,training
v2,,,,45.5,,test
v1,4,5,Jump,60,30,training
"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.fixture
def problems_of(file):
    """The problems of a file, each as (place, message, detail), which has errors."""

    def problems(text):
        annotations, found = inspect_annotations(file(text))
        assert annotations is None
        return [(p.place, p.message, p.detail) for p in found]

    return problems


def check_table(annotations):
    assert annotations.classes == ("Dive", "Jump")
    assert annotations.videos.ids == ("v1", "v2")
    assert annotations.videos.duration_seconds.tolist() == [60.0, 45.5]
    assert annotations.videos.fps[0] == 30.0
    assert math.isnan(annotations.videos.fps[1])
    assert annotations.videos.subsets == ("training", "test")
    assert annotations.segments.video.tolist() == [0, 0]
    assert annotations.segments.start_seconds.tolist() == [1.5, 4.0]
    assert annotations.segments.end_seconds.tolist() == [3.0, 5.0]
    assert annotations.segments.label.tolist() == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\n\n"),
        TABLE.replace("\n", ",,,\n"),
        "\n" + TABLE.replace(",", ";"),
        TABLE.rstrip("\n"),
        "\ufeff" + TABLE,
        TABLE.replace(",", " , "),
        TABLE.replace("Dive", '"Dive"').replace("v1", '"v1"'),
        TABLE.replace("video,start,end", "Video, START,End"),
        TABLE + ",,,,,,\n ,\n",
    ],
)
def test_a_table_is_read_whatever_its_separator_line_ends_spaces_and_quotes(file, text):
    annotations, problems = inspect_annotations(file(text))
    assert problems == []
    check_table(annotations)


def test_columns_may_stand_in_any_order(file):
    order = [4, 3, 6, 0, 2, 1, 5]
    lines = [line.split(",") for line in TABLE.splitlines()]
    check_table(read_annotations(file("\n".join(",".join(line[i] for i in order) for line in lines))))


def test_only_four_columns_are_needed_and_short_lines_are_filled_up(file):
    annotations, problems = inspect_annotations(file("video,start,end,label\nv,1,2,a\nw\n"))
    assert problems == []
    assert annotations.videos.ids == ("v", "w")
    assert math.isnan(annotations.videos.duration_seconds[0])
    assert annotations.videos.subsets == ("", "")
    assert annotations.segments.video.tolist() == [0]


def test_a_video_may_say_its_duration_on_any_of_its_lines(file):
    text = "video,start,end,label,duration\nv,1,2,a,\nv,,,,3\nv,2,4,a,3.0\n"
    annotations = read_annotations(file(text))
    assert annotations.videos.duration_seconds.tolist() == [3.0]
    assert annotations.segments.end_seconds.tolist() == [2.0, 3.0]


def test_a_cell_with_a_line_break_does_not_shift_the_line_numbers(problems_of):
    text = 'video,start,end,label,note\nv,1,2,a,"first\nsecond"\n\nv,x,2,a,\n'
    assert ("line 5", "the start must be a number of seconds", 'it is the text "x"') in problems_of(text)


def test_lines_with_problems_are_named_by_their_number(problems_of):
    text = "video,start,end,label,duration\nv,1,2,a,9\nv,,2,a,9\nv,1,nan,a,9\nv,1,2,,9\n,1,2,a,9\nw,,,,0\n"
    assert sorted(problems_of(text)) == [
        ("line 3", "the start must be a number of seconds", "it is missing"),
        ("line 4", "the end must be a number of seconds", "it is nan"),
        ("line 5", "the label is missing", ""),
        ("line 6", "the column video is empty", ""),
        ("line 7", "the duration must be a number above 0, or be left out", "it is 0"),
    ]


def test_lines_that_contradict_each_other_about_their_video_are_errors(problems_of):
    text = "video,start,end,label,duration,subset\nv,1,2,a,9,x\nw,1,2,a,9,y\nv,1,3,a,8,x\nv,2,3,a,,y\n"
    assert problems_of(text) == [
        ("line 4", "the duration differs from that on an earlier line of the same video", "8, before it 9"),
        (
            "line 5",
            "the subset differs from that on an earlier line of the same video",
            'the text "y", before it the text "x"',
        ),
    ]


def test_decimal_commas_are_errors_that_say_what_to_do(problems_of):
    assert problems_of("video;start;end;label\nv;1,5;12,25;a\n") == [
        (
            "line 2",
            "the start must be a number of seconds",
            'it is the text "1,5"; write decimals with a point: 1.5',
        ),
        (
            "line 2",
            "the end must be a number of seconds",
            'it is the text "12,25"; write decimals with a point: 12.25',
        ),
    ]
    assert problems_of("video,start,end,label\nv,1,2,a\nv,1,5,2,5,a\n") == [
        (
            "line 3",
            "has more cells than the first line; write decimals with a point, and quote a cell with a comma",
            "6, the first line has 4",
        )
    ]


def test_columns_that_are_not_used_are_named_in_a_warning_and_do_no_harm(file):
    text = "video,start,end,label,note,durations\nv,1,2,a,x,9\n"
    annotations, problems = inspect_annotations(file(text), strict=True)
    assert len(annotations.segments) == 1
    assert [(str(p), p.severity) for p in problems] == [
        ('line 1: holds columns that are not used ("note", "durations")', "warning")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line should be video,start,end,label"),
        ("\n \n", "is empty"),
        ("v1,1,2,Dive\n", "lacks the column video and start and end and label"),
        ("video,from,end,label\n", "lacks the column start: .* but holds video, from, end, label"),
        ("video,start,end,label,start\n", "has more than one column start"),
        (
            'video,start,end,label\nv,1,2,a\nw,1,2,"a\nw,3,4,b\n',
            "cannot be read from line 3 on: .*not closed",
        ),
        ('video,start,end,label\nw,1,2,"a"b\n', "cannot be read from line 2 on"),
    ],
)
def test_a_table_that_cannot_be_understood_raises_one_sentence(file, text, message):
    path = file(text)
    with pytest.raises(InputError, match=message) as caught:
        inspect_annotations(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_header_alone_is_a_file_without_a_video(problems_of):
    assert problems_of("video,start,end,label\n") == [("the file", "holds no video", "")]


def test_text_of_another_encoding_raises_one_sentence(file):
    with pytest.raises(InputError, match="is not UTF-8 text"):
        inspect_annotations(file("video,start,end,label\nv,1,2,Öffnen\n", encoding="latin-1"))


def test_a_written_table_holds_only_the_columns_that_are_known(file, tmp_path):
    annotations = read_annotations(file("video,start,end,label,fps\nv,1,2.5,a b,30\nw,,,,\n"))
    write_annotations(annotations, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "video,start,end,label,fps\nv,1.0,2.5,a b,30.0\nw,,,,\n"
    write_annotations(annotations, tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == (
        "video\tstart\tend\tlabel\tfps\nv\t1.0\t2.5\ta b\t30.0\nw\t\t\t\t\n"
    )


@pytest.mark.parametrize("label", [" a", "a ", "a\nb", "a\rb", "a\0b"])
def test_a_name_that_a_table_cannot_hold_is_refused_before_anything_is_written(file, tmp_path, label):
    annotations = read_annotations(file("video,start,end,label\nv,1,2,a\n"))
    annotations = type(annotations)((label,), annotations.videos, annotations.segments)
    with pytest.raises(InputError, match=r"cannot hold 1 of the names, .* write a .json file instead"):
        write_annotations(annotations, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_what_a_table_does_not_keep_of_the_classes_is_said(file, tmp_path, caplog):
    path = file("video,start,end,label\nv,1,2,a\nv,1,2,b\n")
    out = tmp_path / "out.csv"
    write_annotations(read_annotations(path), out)
    assert caplog.messages == []
    write_annotations(read_annotations(path, classes=["b", "a"]), out)
    assert caplog.messages == [f"{out}: the order of the classes is lost; a .json file would keep it"]
    caplog.clear()
    write_annotations(read_annotations(path, classes=["b", "a", "d", "c"]), out)
    assert caplog.messages == [
        f"{out}: the classes without a segment (2 in all) are lost; a .json file would keep them: d; c",
        f"{out}: the order of the classes is lost; a .json file would keep it",
    ]
