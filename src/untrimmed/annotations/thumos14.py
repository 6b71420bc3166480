"""THUMOS14's temporal annotations as its makers distribute them: a folder of text files, one a class and subset.

Diving_test.txt:     video_test_0000324  49.2 53.5
                     video_test_0000324  60.1 64.0
Ambiguous_test.txt:  video_test_0000006  12.4 13.1
detclasslist.txt:    7 BaseballPitch

A line is an instance: video, start and end in seconds. The class is the name of the file before `_test` or
`_val`, which stand for the subsets "test" and "validation". Ambiguous is no class: what its lines hold is neither
action nor background, and is to be ignored. detclasslist.txt, which comes with the evaluation, gives the order of
the classes; without it, it is alphabetical, which for the 20 classes is the same.

The files hold neither durations nor frame rates, so give another file that does, and a video without a line
in any of them does not exist here. The folder may be that of the files or one that holds the unpacked archives
of both subsets (TH14_...).

Source: http://crcv.ucf.edu/THUMOS14/download.html. We know of no licence of the annotations. Validation:
200 videos, 3,007 instances; test: 212 videos, 3,358 instances. Every CliffDiving, 143 and 217 of them, is a
Diving as well.
"""

import re
from pathlib import Path

from untrimmed.annotations.class_text import listed_classes, read_lines, report_missing, text_files
from untrimmed.annotations.problems import Problem, first_few
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow, note_video

_INNER = ("annotation*", "TH14*")
_NAME = re.compile(r"(?P<label>.+)_(?P<subset>test|val)\.txt")
_SUBSETS = {"test": "test", "val": "validation"}
_AMBIGUOUS = "Ambiguous"


def is_layout(folder: Path) -> bool:
    """Whether a folder holds a file named like Diving_test.txt or Diving_val.txt."""
    return any(_NAME.fullmatch(path.name) for path in text_files(folder, _INNER))


def read_rows(folder: Path) -> Rows:
    """The rows of a folder; InputError where it holds a file twice, or one that is no text."""
    videos: dict[str, VideoRow] = {}
    rows = Rows()
    labels, others = set(), []
    for path in text_files(folder, _INNER):
        name = _NAME.fullmatch(path.name)
        if name is None:
            others.append(path.name)
            continue
        for line in read_lines(path, rows.problems):
            video = VideoRow(line.place, line.video_id, subset=_SUBSETS[name["subset"]])
            note_video(videos, video, rows.problems)
            if name["label"] == _AMBIGUOUS:
                rows.ignored.append(line)
            else:
                rows.segments.append(SegmentRow(*line, label=name["label"]))
        labels.add(name["label"])
    if others:
        message = "holds text files that are not read, not being named like Diving_test.txt or Diving_val.txt"
        rows.problems.append(Problem("the folder", message, "warning", first_few(others)))
    listed = listed_classes(folder, "detclasslist.txt", _INNER)
    report_missing(listed or (), labels, rows.problems)
    classes = listed if listed is not None else tuple(sorted(labels - {_AMBIGUOUS}))
    return Rows(list(videos.values()), rows.segments, classes, rows.problems, rows.ignored)
