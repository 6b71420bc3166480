"""Wrong annotations and wrong detections."""

from collections.abc import Callable
from pathlib import Path

from bad_input import Case, changed, cut, text
from surroundings import locked

VIDEO = '{{"database": {{"v1": {{"duration": 60, "annotations": [{{"segment": {segment}, "label": "Dive"}}]}}}}}}'


def one_segment(segment: str) -> str:
    return VIDEO.format(segment=segment)


def epic(start: str) -> Callable[[Path], object]:
    """To write a table of EPIC-KITCHENS-100 with one line."""
    header = "narration_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class"
    return text("EPIC_100_train.csv", f"{header}\nP01_01_0,P01_01,{start},00:00:02.00,0,2\n")


ANNOTATIONS = [
    Case(
        "no such file", "annotations check nowhere.json", "nowhere.json cannot be read: no such file or directory"
    ),
    Case(
        "no permission to read",
        "annotations check secret.csv",
        "secret.csv cannot be read: permission denied",
        around=locked,
    ),
    Case(
        "folder without annotations",
        "annotations check task",
        "task is a folder, but holds no annotations of THUMOS14 (Diving_test.txt), MultiTHUMOS (Diving.txt) or "
        "EPIC-KITCHENS-100 (EPIC_100_train.csv); give one that does, or a file that ends in .csv, .json, .tsv",
    ),
    Case(
        "unknown ending",
        "annotations check notes.txt",
        "notes.txt has no known ending; annotations end in .csv, .json, .tsv, or are folders of THUMOS14 "
        "(Diving_test.txt), MultiTHUMOS (Diving.txt) or EPIC-KITCHENS-100 (EPIC_100_train.csv)",
        prepare=text("notes.txt", "v1 1 2 Dive\n"),
    ),
    Case(
        "unknown ending to write to",
        "annotations convert task/annotations.json notes.txt",
        "notes.txt has no known ending; annotations are written to files that end in .csv, .json, .tsv",
    ),
    Case(
        "folder to write to",
        "annotations convert task/annotations.json task",
        "task is a folder; annotations are written to files that end in .csv, .json, .tsv",
    ),
    Case(
        "empty table",
        "annotations check empty.csv",
        "empty.csv is empty; its first line should be video,start,end,label",
        prepare=text("empty.csv", ""),
    ),
    Case(
        "empty JSON",
        "annotations check empty.json",
        "empty.json is not valid JSON at line 1, column 1: [...]",
        prepare=text("empty.json", ""),
    ),
    Case(
        "broken JSON",
        "train tiny.yaml",
        "task/annotations.json is not valid JSON at line 8, column 575: [...]",
        prepare=cut("task/annotations.json"),
    ),
    Case(
        "not UTF-8",
        "annotations check a.csv",
        "a.csv is not UTF-8 text (byte 31); save it as UTF-8",
        prepare=text("a.csv", b"video,start,end,label\nv1,1,2,Gr\xfc\xdfen\n"),
    ),
    Case(
        "JSON of another layout",
        "annotations check a.json",
        'a.json is in no layout that is known (its keys: "videos"); expected {"database": {VIDEO: '
        '{"duration": SECONDS, "annotations": [...]}}} as of ActivityNet, or {VIDEO: {"duration": SECONDS, '
        '"actions": [[CLASS, START, END], ...]}} as of MultiTHUMOS',
        prepare=text("a.json", '{"videos": []}'),
    ),
    Case(
        "column that is missing",
        "annotations check a.csv",
        "a.csv lacks the column start: its first line should name the columns video, start, "
        "end, label (and may name duration, fps, subset), but holds video, begin, end, label",
        prepare=text("a.csv", "video,begin,end,label\nv1,1,2,Dive\n"),
    ),
    Case(
        "decimals with a comma",
        "annotations convert a.csv a.json",
        "a.csv has 1 error: line 2: the start must be a number of seconds (it is the text "
        '"1,5"; write decimals with a point: 1.5)',
        prepare=text("a.csv", 'video,start,end,label\nv1,"1,5",2,Dive\n'),
    ),
    Case(
        "quote that is not closed",
        "annotations convert a.csv a.json",
        "a.csv cannot be read from line 2 on: [...]; is a quote there not closed?",
        prepare=text("a.csv", 'video,start,end,label\n"v1,1,2,Dive\n'),
    ),
    Case(
        "negative segment",
        "annotations convert a.json a.csv --strict",
        'a.json has 1 error: video "v1", segment 1: a segment that starts before 0 s (at -3 s)',
        prepare=text("a.json", one_segment("[-3, 2]")),
    ),
    Case(
        "segment that ends before it starts",
        "annotations convert a.json a.csv --strict",
        'a.json has 1 error: video "v1", segment 1: a segment that does not end after its '
        "start (from 5 s to 2 s)",
        prepare=text("a.json", one_segment("[5, 2]")),
    ),
    Case(
        "segment of one time",
        "annotations convert a.json a.csv",
        'a.json has 1 error: video "v1", segment 1: "segment" must be a list of start and end'
        " in seconds (it is a list of 1)",
        prepare=text("a.json", one_segment("[5]")),
    ),
    Case(
        "video listed twice",
        "annotations convert a.json a.csv",
        'a.json has 1 error: video "v1": this video is listed more than once',
        prepare=text("a.json", '{"database": {"v1": {"annotations": []}, "v1": {"annotations": []}}}'),
    ),
    Case(
        "label not among the classes",
        "train tiny.yaml",
        'task/annotations.json has 1 error: video "sequence-002", segment 6: the label is not'
        ' among the 4 classes ("rise", of 6 segments)',
        prepare=changed("task/annotations.json", '"classes": ["rise",', '"classes": ['),
    ),
    Case(
        "ignored stretch of one time",
        "annotations convert a.json a.csv",
        'a.json has 1 error: video "v1", ignored 1: an ignored stretch must be a list of start and end in '
        "seconds (it is a list of 1)",
        prepare=text("a.json", '{"database": {"v1": {"annotations": [], "ignored": [[5]]}}}'),
    ),
    Case(
        "class that MultiTHUMOS does not number",
        "annotations convert a.json a.csv",
        'a.json has 1 error: video "v1", action 1: the class must be a whole number from 1 to 65 (it is 66)',
        prepare=text("a.json", '{"v1": {"duration": 60, "actions": [[66, 1, 2]]}}'),
    ),
    Case(
        "line of two values in THUMOS14's text",
        "annotations convert th14 a.json",
        "th14 has 1 error: Diving_test.txt, line 2: must hold a video, a start and an end in seconds, separated "
        'by spaces (it is the text "v1 5")',
        prepare=text("th14/Diving_test.txt", "v1 1.5 3.0\nv1 5\n"),
    ),
    Case(
        "EPIC-KITCHENS-100 without a word on which label counts",
        "annotations check EPIC_100_train.csv",
        "EPIC_100_train.csv gives each segment a verb and a noun; say which label counts: --label verb, noun or "
        "action (data.label in a recipe)",
        prepare=epic("00:00:01.00"),
    ),
    Case(
        "time of another kind in EPIC-KITCHENS-100",
        "annotations convert EPIC_100_train.csv a.json --label verb",
        "EPIC_100_train.csv has 1 error: line 2: start_timestamp must be a time like 00:01:02.34 (it is the text "
        '"1.00")',
        prepare=epic("1.00"),
    ),
    Case(
        "choice of a label where there is one",
        "annotations check task/annotations.json --label noun",
        "task/annotations.json gives each segment one label, so there is none to choose; leave out --label "
        "(data.label in a recipe)",
    ),
    Case(
        "durations of other videos",
        "annotations check task/annotations.json --videos info.csv",
        "info.csv knows none of the 5 videos of the annotations (sequence-001; sequence-002; sequence-003; and 2 "
        "more); give a file of the same videos",
        prepare=text("info.csv", "video,duration,fps\nmatch-1,60,25\n"),
    ),
    Case(
        "durations without durations",
        "annotations check task/annotations.json --videos info.csv",
        "info.csv does not say durations or frame rates of videos: its first line should be video,duration,fps, "
        "or as in EPIC_100_video_info.csv video_id,duration,fps,resolution",
        prepare=text("info.csv", "video,length\nsequence-001,60\n"),
    ),
    Case(
        "unknown subset",
        "train tiny.yaml data.training_subset=trian",
        'the annotations have no subset "trian"; theirs are: "test", "training"',
    ),
    Case(
        "training subset without actions",
        "train tiny.yaml data.annotations=none.csv",
        "the subset training holds no action in the videos that have features (1), so there "
        "is nothing to learn; choose another data.training_subset",
        prepare=text("none.csv", "video,start,end,label,subset\nsequence-001,,,,training\n"),
    ),
    Case(
        "fewer groups than folds",
        "train tiny.yaml data.hold_out.folds=9",
        "data.hold_out.folds is 9, but must be at most 3, the number of groups of videos in "
        "the training subset: sequence-001; sequence-002; sequence-003",
    ),
    Case(
        "annotations of another data set",
        "train tiny.yaml data.annotations=other.csv",
        "no video has features that can be used: 1 of 1 videos have no features: match-1",
        prepare=text("other.csv", "video,start,end,label,subset\nmatch-1,1,2,goal,training\n"),
    ),
]

OTHER = '{"results": {"match-1": [{"label": "goal", "score": 0.9, "segment": [1.0, 3.0]}]}}'

EVALUATION = [
    Case(
        "unknown subset",
        "evaluate detections.json task/annotations.json --subset tset",
        'the annotations have no subset "tset"; theirs are: "test", "training"',
    ),
    Case(
        "tIoU that are no numbers",
        "evaluate detections.json task/annotations.json --tiou high",
        'tIoU thresholds "high" cannot be read: give start:stop:step like 0.3:0.7:0.1, one '
        "number, or numbers separated by commas like 0.5,0.75,0.95",
    ),
    Case(
        "tIoU of 0",
        "evaluate detections.json task/annotations.json --tiou 0:0.5:0.1",
        "tIoU threshold 0 is not above 0 and at most 1; give start:stop:step like "
        "0.3:0.7:0.1, one number, or numbers separated by commas like 0.5,0.75,0.95",
    ),
    Case(
        "broken JSON",
        "evaluate detections.json task/annotations.json",
        "detections.json is not valid JSON at line 2, column 68: [...]",
        prepare=cut("detections.json"),
    ),
    Case(
        "annotations instead of detections",
        "evaluate task/annotations.json task/annotations.json",
        'task/annotations.json must hold ActivityNet\'s results, {"results": {video: '
        '[detection, ..]}}, but holds an object with the keys "version"; "taxonomy"; '
        '"classes"; and 1 more',
    ),
    Case(
        "score that is missing",
        "evaluate a.json task/annotations.json",
        'a.json, video "match-1", detection 1: its "score" is missing',
        prepare=text("a.json", OTHER.replace('"score": 0.9, ', "")),
    ),
    Case(
        "score that is no number",
        "evaluate a.json task/annotations.json",
        'a.json, video "match-1", detection 1: the score must be a finite number, but is nan',
        prepare=text("a.json", OTHER.replace("0.9", "NaN")),
    ),
    Case(
        "end before the start",
        "evaluate a.json task/annotations.json",
        'a.json, video "match-1", detection 1: the end, 0.5, must not be before the start, 1',
        prepare=text("a.json", OTHER.replace("3.0", "0.5")),
    ),
    Case(
        "column that is missing",
        "evaluate a.csv task/annotations.json",
        "a.csv lacks the column score: its first line should name the columns video, start, "
        'end, label, score, separated by commas, but holds "video,start,end,label"',
        prepare=text("a.csv", "video,start,end,label\nsequence-004,1,2,rise\n"),
    ),
    Case(
        "detections in other videos",
        "evaluate a.json task/annotations.json",
        "the videos of the detections (match-1) are not in the annotations, whose videos are "
        "sequence-001; sequence-002; sequence-003; and 2 more; give annotations of the same "
        "data set",
        prepare=text("a.json", OTHER),
    ),
    Case(
        "detections of other classes",
        "evaluate a.json task/annotations.json",
        "the classes of the detections (goal) are not in the annotations, whose classes are "
        "rise; fall; swing; and 2 more; give annotations of the same data set",
        prepare=text("a.json", OTHER.replace("match-1", "sequence-004")),
    ),
    Case(
        "subset without actions",
        "evaluate detections.json none.csv",
        "the annotations hold no action instance in 2 videos: nothing to evaluate",
        prepare=text("none.csv", "video,start,end,label\nsequence-004,,,\nsequence-001,,,\n"),
    ),
    Case(
        "results with an unknown ending",
        "evaluate detections.json task/annotations.json --out table.txt",
        "table.txt must end in .json or .csv to hold an evaluation",
    ),
]
