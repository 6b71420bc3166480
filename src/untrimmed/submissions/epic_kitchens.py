"""The file that the server of EPIC-KITCHENS-100's action detection challenge (C2) takes.

{"version": "0.2", "challenge": "action_detection", "sls_pt": 2, "sls_tl": 3, "sls_td": 3, "results": {
"P01_11": [{"verb": 0, "noun": 2, "action": "0,2", "score": 0.83, "segment": [1.5, 3.0]}]
}}

What it checks is told by https://github.com/epic-kitchens/C2-Action-Detection
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from untrimmed.annotations.problems import quoted
from untrimmed.detection.detections import Detections
from untrimmed.errors import InputError
from untrimmed.files import read_text
from untrimmed.recipes.mistakes import did_you_mean
from untrimmed.submissions.writing import best_of_each_video, by_video, write_results

#: How many of the best actions of a video are kept where nobody says.
PER_VIDEO = 2000


@dataclass(frozen=True)
class Supervision:
    """How much a system was helped, each from 0 to 5 on the challenge's scale of supervision levels.

    Attributes:
        pretraining: PT.
        labels: TL, the labels that it was trained with.
        data: TD, the data that it was trained on.
    """

    pretraining: int
    labels: int
    data: int

    @classmethod
    def parse(cls, text: str) -> "Supervision":
        """Of PT,TL,TD; InputError where these are not three levels."""
        levels = [part.strip() for part in text.split(",")]
        if len(levels) != 3 or not all(level in ("0", "1", "2", "3", "4", "5") for level in levels):
            raise InputError(
                f"the supervision {text!r} is not PT,TL,TD: three whole numbers from 0 to 5, for pretraining, "
                "training labels and training data, like 2,3,3"
            )
        return cls(*map(int, levels))


@dataclass(frozen=True)
class ClassNumbers:
    """The numbers of the verbs and nouns by their names."""

    verbs: Mapping[str, int]
    nouns: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> "ClassNumbers":
        """Of the annotations' EPIC_100_verb_classes.csv and EPIC_100_noun_classes.csv."""
        return cls(
            _read_numbers(folder / "EPIC_100_verb_classes.csv"),
            _read_numbers(folder / "EPIC_100_noun_classes.csv"),
        )

    def of_action(self, name: str) -> tuple[int, int]:
        """The verb and the noun of a class "VERB NOUN"; InputError where they are none."""
        verb, space, noun = name.partition(" ")
        if not space:
            raise InputError(
                f'the class {quoted(name)} is no action: a verb, a space and a noun, like "take cup"'
            )
        require_names([verb], self.verbs, "verb")
        require_names([noun], self.nouns, "noun")
        return self.verbs[verb], self.nouns[noun]


def write_submission(
    actions: Detections,
    path: Path,
    numbers: ClassNumbers,
    supervision: Supervision,
    per_video: int | None = None,
) -> Detections:
    """Write the file, and return what is in it.

    Args:
        actions: whose classes are "VERB NOUN", as of `pairing.paired` or of a detector of actions.
        path: where to.
        numbers: of the classes.
        supervision: the levels that the server asks for.
        per_video: how many of the best actions of a video; None for 2000.

    Raises:
        InputError: a class is no verb and noun of EPIC-KITCHENS-100, or the file cannot be written.
    """
    kept = best_of_each_video(actions, PER_VIDEO if per_video is None else per_video)
    classes = [numbers.of_action(name) for name in kept.classes]
    heads = [f'"verb": {verb}, "noun": {noun}, "action": "{verb},{noun}"' for verb, noun in classes]
    entries = [
        f'{{{heads[label]}, "score": {score!r}, "segment": [{start!r}, {end!r}]}}'
        for label, score, start, end in zip(
            kept.label.tolist(),
            kept.score.tolist(),
            kept.start_seconds.tolist(),
            kept.end_seconds.tolist(),
            strict=True,
        )
    ]
    levels = f'"sls_pt": {supervision.pretraining}, "sls_tl": {supervision.labels}, "sls_td": {supervision.data}'
    head = f'"version": "0.2", "challenge": "action_detection", {levels}'
    write_results(path, head, by_video(kept, entries))
    return kept


def require_names(names: Iterable[str], known: Mapping[str, int], what: str) -> None:
    """InputError for the first name that is not a verb, or a noun, as `what` says."""
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(f"{quoted(name)} is none of the {len(known)} {what}s of EPIC-KITCHENS-100{hint}")


def _read_numbers(path: Path) -> dict[str, int]:
    """The number of each class of a table with the columns id and key."""
    rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    numbers: dict[str, int] = {}
    for line, row in enumerate(rows, start=2):
        name, number = row.get("key"), row.get("id")
        if not name or not number or not number.isdecimal():
            raise InputError(f"{path}, line {line}: it must give a class as id,key, the id a whole number")
        numbers[name] = int(number)
    if not numbers:
        raise InputError(f"{path} lists no classes; give the folder of EPIC-KITCHENS-100's annotation files")
    return numbers
