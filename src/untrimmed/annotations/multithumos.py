"""MultiTHUMOS, 65 classes in the videos of THUMOS14, in the two layouts in which it is given.

As JSON, one object for each video; the classes are numbers from 1 to 65, in the order of CLASSES:

{"video_test_0000896": {"subset": "testing", "duration": 226.77, "actions": [[12, 18.6, 24.8]]}}

As its makers distribute it, a folder of text files, one a class, in it or in its folder annotations:

HighJump.txt:  video_test_0000896 18.6 24.8

There the subset is told by the name of the video: video_validation_... is "training" and video_test_... is
"testing", as in the JSON. class_list.txt (lines like `1 BaseballPitch`) may replace the list of classes.
Neither holds frame rates and the text files no durations, so give another file that does.

Source of the text: http://ai.stanford.edu/~syyeung/everymoment.html, with no licence that we know of; of the
JSON: https://github.com/piergiaj/super-events-cvpr18, a repository under the MIT licence. 413 videos (200
training, 213 testing) and 38,690 instances (18,482 and 20,208), of which 65 end after their video, 60 of these
lie behind it altogether, and 7 do not end after their start.
"""

from pathlib import Path

from untrimmed.annotations.class_text import listed_classes, read_lines, report_missing, text_files
from untrimmed.annotations.json_file import pairs_of, report_repeated_keys
from untrimmed.annotations.problems import Problem, described, quoted
from untrimmed.annotations.rows import Rows, SegmentRow, VideoRow, note_video

#: What a file must hold, for messages.
LAYOUT = '{VIDEO: {"duration": SECONDS, "actions": [[CLASS, START, END], ...]}}'

# fmt: off
#: The names of the classes 1 to 65.
CLASSES = (
    "BaseballPitch", "BasketballDunk", "Billiards", "CleanAndJerk", "CliffDiving", "CricketBowling",
    "CricketShot", "Diving", "FrisbeeCatch", "GolfSwing", "HammerThrow", "HighJump", "JavelinThrow",
    "LongJump", "PoleVault", "Shotput", "SoccerPenalty", "TennisSwing", "ThrowDiscus", "VolleyballSpiking",
    "Walk", "Sit", "StandUp", "Stand", "Run", "Jump", "Fall", "PickUp", "Hug", "PatPerson", "HighFive",
    "FistPump", "ClapHands", "OneRaisedArmCelebrate", "TwoRaisedArmCelebrate", "Throw", "Drop",
    "OneHandedCatch", "TwoHandedCatch", "BodyRoll", "BodyTurn", "BodyBend", "BodyContract", "Squat",
    "BasketballDribble", "BasketballPass", "BasketballBlock", "BasketballShot", "BasketballGuard",
    "VolleyballSet", "VolleyballBump", "VolleyballBlock", "VolleyballServe", "WeightliftingClean",
    "WeightliftingJerk", "HammerThrowWindUp", "HammerThrowSpin", "HammerThrowRelease", "PoleVaultPlantPole",
    "ShotPutBend", "DiscusWindUp", "DiscusRelease", "TalkToCamera", "CloseUpTalkToCamera", "NoHuman",
)
# fmt: on

_INNER = ("annotations",)
_SUBSETS = {"video_validation_": "training", "video_test_": "testing"}


def is_json_layout(content: dict[str, object]) -> bool:
    """Whether some value of an object is an object with "actions"."""
    return any(isinstance(entry, dict) and "actions" in entry for entry in content.values())


def is_folder_layout(folder: Path) -> bool:
    """Whether a folder holds a text file that is named after one of the classes."""
    names = {path.stem for path in text_files(folder, _INNER)}
    return not names.isdisjoint(CLASSES)


def read_json_rows(content: dict[str, object]) -> Rows:
    """The rows of the JSON."""
    rows = Rows(classes=CLASSES)
    for video_id, entry in pairs_of(content):
        _read_video(video_id, entry, rows)
    return rows


def read_folder_rows(folder: Path) -> Rows:
    """The rows of a folder; InputError where it holds a file twice, or one that is no text."""
    videos: dict[str, VideoRow] = {}
    rows = Rows()
    files = text_files(folder, _INNER)
    for path in files:
        for line in read_lines(path, rows.problems):
            note_video(videos, VideoRow(line.place, line.video_id, subset=_subset(line.video_id)), rows.problems)
            rows.segments.append(SegmentRow(*line, label=path.stem))
    classes = listed_classes(folder, "class_list.txt", _INNER) or CLASSES
    report_missing(classes, [path.stem for path in files], rows.problems)
    return Rows(list(videos.values()), rows.segments, classes, rows.problems)


def _read_video(video_id: str, entry: object, rows: Rows) -> None:
    place = f"video {quoted(video_id)}"
    if not isinstance(entry, dict) or not isinstance(entry.get("actions"), list):
        rows.videos.append(VideoRow(place, video_id))
        message = 'must be an object whose "actions" are a list, [] for a video without any'
        rows.problems.append(Problem(place, message, detail=f"it is {described(entry)}"))
        return
    report_repeated_keys(place, entry, rows.problems)
    rows.videos.append(VideoRow(place, video_id, entry.get("duration"), entry.get("fps"), entry.get("subset")))
    for number, action in enumerate(entry["actions"], start=1):
        _read_action(f"{place}, action {number}", video_id, action, rows)


def _read_action(place: str, video_id: str, action: object, rows: Rows) -> None:
    if not isinstance(action, list) or len(action) != 3:
        message = "must be a list of class, start and end in seconds"
        rows.problems.append(Problem(place, message, detail=f"it is {described(action)}"))
        return
    label, start, end = action
    if isinstance(label, bool) or not isinstance(label, int) or not 1 <= label <= len(CLASSES):
        message = f"the class must be a whole number from 1 to {len(CLASSES)}"
        rows.problems.append(Problem(place, message, detail=f"it is {described(label)}"))
        return
    rows.segments.append(SegmentRow(place, video_id, start, end, CLASSES[label - 1]))


def _subset(video_id: str) -> str:
    return next((subset for start, subset in _SUBSETS.items() if video_id.startswith(start)), "")
