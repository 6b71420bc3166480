import logging

import pytest

from untrimmed.annotations.formats import inspect_annotations, read_annotations
from untrimmed.errors import InputError

FILES = {
    "Diving_val.txt": "video_validation_0000001  10.0 12.5\nvideo_validation_0000001 20.0 25.0\n",
    "CliffDiving_val.txt": "video_validation_0000001 10.0 12.5\n",
    "BaseballPitch_test.txt": "video_test_0000324 49.2 53.5\n\n",
    "Ambiguous_val.txt": "video_validation_0000001  30.0 31.0\nvideo_validation_0000002 1.0 2.0\n",
    "Ambiguous_test.txt": "video_test_0000324 1.0 2.0\n",
}


@pytest.fixture
def folder(tmp_path):
    """A folder like that of THUMOS14, with what is to be added or, where None, left out."""

    def write(files=None, inner="."):
        root = tmp_path / "th14"
        for name, text in (FILES | (files or {})).items():
            if text is not None:
                (root / inner / name).parent.mkdir(parents=True, exist_ok=True)
                (root / inner / name).write_text(text)
        return root

    return write


def check(annotations):
    assert annotations.classes == ("BaseballPitch", "CliffDiving", "Diving")
    videos = annotations.videos
    subsets = dict(zip(videos.ids, videos.subsets, strict=True))
    assert subsets == {
        "video_validation_0000001": "validation",
        "video_validation_0000002": "validation",
        "video_test_0000324": "test",
    }
    rows = zip(
        annotations.segments.video.tolist(),
        annotations.segments.start_seconds.tolist(),
        annotations.segments.end_seconds.tolist(),
        annotations.segments.label.tolist(),
        strict=True,
    )
    assert sorted((videos.ids[video], start, end, label) for video, start, end, label in rows) == [
        ("video_test_0000324", 49.2, 53.5, 0),
        ("video_validation_0000001", 10.0, 12.5, 1),
        ("video_validation_0000001", 10.0, 12.5, 2),
        ("video_validation_0000001", 20.0, 25.0, 2),
    ]
    ignored = annotations.ignored
    assert sorted(zip([videos.ids[row] for row in ignored.video], ignored.start_seconds, strict=True)) == [
        ("video_test_0000324", 1.0),
        ("video_validation_0000001", 30.0),
        ("video_validation_0000002", 1.0),
    ]


@pytest.mark.parametrize("inner", [".", "annotation", "TH14_Temporal_Annotations_Test/annotations/annotation"])
def test_classes_subsets_and_ambiguous_stretches_come_from_the_names_of_the_files(folder, inner):
    annotations, problems = inspect_annotations(folder(inner=inner))
    assert problems == []
    check(annotations)


def test_both_unpacked_archives_may_lie_in_one_folder(folder):
    folder({name: None for name in FILES if "test" in name}, "TH14_Temporal_annotations_validation/annotation")
    check(read_annotations(folder({name: None for name in FILES if "val" in name}, "TH14_Test/annotation")))


def test_the_list_of_classes_gives_their_order_and_a_class_without_a_file_is_told(folder):
    listed = "9 Diving\n7 BaseballPitch\n22 CliffDiving\n33 GolfSwing\n"
    annotations, problems = inspect_annotations(folder({"detclasslist.txt": listed}))
    assert annotations.classes == ("Diving", "BaseballPitch", "CliffDiving", "GolfSwing")
    assert [str(p) for p in problems] == [
        "the folder: has no file for some of its classes (1 of 4: GolfSwing)",
    ]


def test_durations_come_from_another_file(folder, tmp_path):
    path = tmp_path / "info.csv"
    path.write_text("video,duration,fps\nvideo_validation_0000001,24,30\nvideo_test_0000324,60,25\n")
    annotations, problems = inspect_annotations(folder(), videos=path)
    rows = [annotations.videos.index[name] for name in ("video_validation_0000001", "video_test_0000324")]
    assert annotations.videos.duration_seconds[rows].tolist() == [24.0, 60.0]
    assert annotations.videos.fps[rows].tolist() == [30.0, 25.0]
    assert sorted(str(p) for p in problems) == [
        "Diving_val.txt, line 2: a segment that ends after its video, cut to it (by 1 s, the video ends at 24 s)",
        "info.csv: does not know some of the videos (1 of 3: video_validation_0000002)",
    ]
    raw = read_annotations(folder(), videos=path, as_written=True)
    assert 25.0 in raw.segments.end_seconds


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("v 1", 'must hold a video, a start and an end in seconds, separated by spaces (it is the text "v 1")'),
        ("v 1 2 3", "must hold a video, a start and an end in seconds, separated by spaces"),
        ("v 1 x", 'the end must be a number of seconds (it is the text "x")'),
        ("v 1,5 2", 'the start must be a number of seconds (it is the text "1,5"; write decimals with a point'),
    ],
)
def test_a_line_of_another_kind_is_an_error_with_its_place(folder, line, message):
    path = folder({"GolfSwing_test.txt": f"video_test_0000324 1 2\n{line}\n"})
    with pytest.raises(InputError) as caught:
        read_annotations(path)
    assert f"GolfSwing_test.txt, line 2: {message}" in str(caught.value)


def test_a_segment_that_ends_before_its_start_is_dropped_with_a_warning(folder):
    annotations, problems = inspect_annotations(folder({"GolfSwing_test.txt": "video_test_0000324 5 4\n"}))
    assert [p.place for p in problems] == ["GolfSwing_test.txt, line 1"]
    assert len(annotations.segments) == 4
    assert len(read_annotations(folder(), as_written=True).segments) == 5


def test_files_of_other_names_are_told_and_a_readme_is_none(folder, caplog):
    caplog.set_level(logging.WARNING)
    check(read_annotations(folder({"Jump.txt": "video_test_0000324 1 2\n", "readme.txt": "see", "._x.txt": ""})))
    assert len(caplog.messages) == 1
    assert "holds text files that are not read" in caplog.messages[0]
    assert "Jump.txt" in caplog.messages[0]


def test_a_file_that_is_there_twice_is_an_error(folder):
    folder()
    with pytest.raises(InputError, match=r"th14 holds \w+_\w+.txt twice: .* and .*; give a folder with one"):
        read_annotations(folder(inner="annotation"))


def test_a_video_of_two_subsets_is_an_error(folder):
    path = folder({"GolfSwing_test.txt": "video_validation_0000001 1 2\n"})
    with pytest.raises(InputError, match="the video stands in more than one subset"):
        read_annotations(path)
