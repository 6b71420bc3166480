"""What `untrimmed submit` is asked, to the file that a benchmark's server takes."""

from dataclasses import dataclass
from pathlib import Path

from untrimmed.detection.detections import Detections
from untrimmed.detection.result_files import read_detections
from untrimmed.errors import InputError
from untrimmed.recipes.mistakes import did_you_mean
from untrimmed.submissions import activitynet, epic_kitchens
from untrimmed.submissions.epic_kitchens import ClassNumbers, Supervision, require_names
from untrimmed.submissions.pairing import paired

SERVERS = ("activitynet", "epic-kitchens-100")
#: With how many nouns each verb is joined where nobody says.
PAIRS = 3


@dataclass(frozen=True)
class Request:
    """What is to be submitted where; None for what was not given.

    Attributes:
        server: one of SERVERS.
        detections: a file; for EPIC-KITCHENS-100, of actions "VERB NOUN", unless verbs and nouns are given.
        verbs, nouns: files, for EPIC-KITCHENS-100.
        classes: folder of the files that number the verbs and the nouns.
        supervision: PT,TL,TD.
        pairs: with how many nouns each verb is joined.
        per_video: how many of the best of a video are kept.
    """

    server: str
    detections: Path | None = None
    verbs: Path | None = None
    nouns: Path | None = None
    classes: Path | None = None
    supervision: str | None = None
    pairs: int | None = None
    per_video: int | None = None


def submit(request: Request, out: Path) -> Detections:
    """Write what is asked for, and return what is in it; InputError for what is wrong or missing."""
    if request.server not in SERVERS:
        hint = did_you_mean(request.server, SERVERS)
        raise InputError(f"there is no server {request.server}: give one of {', '.join(SERVERS)}{hint}")
    if out.suffix.lower() != ".json":
        raise InputError(f"{out} must end in .json: the servers take nothing else")
    if request.server == "activitynet":
        return _to_activitynet(request, out)
    return _to_epic_kitchens(request, out)


def _to_activitynet(request: Request, out: Path) -> Detections:
    for flag in ("verbs", "nouns", "classes", "supervision", "pairs"):
        if getattr(request, flag) is not None:
            raise InputError(f"--{flag} is for epic-kitchens-100; leave it out for activitynet")
    if request.detections is None:
        raise InputError("give DETECTIONS, the file to submit")
    return activitynet.write_submission(read_detections(request.detections), out, request.per_video)


def _to_epic_kitchens(request: Request, out: Path) -> Detections:
    if request.supervision is None:
        raise InputError(
            "give --supervision PT,TL,TD, from 0 to 5 each, for pretraining, training labels and training data: "
            "the server asks for them, and only you know"
        )
    supervision = Supervision.parse(request.supervision)
    if request.classes is None:
        raise InputError(
            "give --classes DIR, the folder of EPIC_100_verb_classes.csv and EPIC_100_noun_classes.csv"
        )
    numbers = ClassNumbers.read(request.classes)
    return epic_kitchens.write_submission(
        _actions(request, numbers), out, numbers, supervision, request.per_video
    )


def _actions(request: Request, numbers: ClassNumbers) -> Detections:
    """Those of the one file, or those of the verbs and the nouns together."""
    if request.detections is not None:
        if request.verbs is not None or request.nouns is not None or request.pairs is not None:
            raise InputError("give either DETECTIONS of actions, or --verbs and --nouns (with --pairs), not both")
        return read_detections(request.detections)
    if request.verbs is None or request.nouns is None:
        raise InputError("give --verbs FILE and --nouns FILE, or DETECTIONS of actions: the server judges both")
    verbs, nouns = _read_scored(request.verbs), _read_scored(request.nouns)
    require_names(verbs.classes, numbers.verbs, "verb")
    require_names(nouns.classes, numbers.nouns, "noun")
    return paired(verbs, nouns, PAIRS if request.pairs is None else request.pairs)


def _read_scored(path: Path) -> Detections:
    """Detections of a file; InputError where a score is below 0, and so has no geometric mean with others."""
    detections = read_detections(path)
    below = int((detections.score < 0).sum())
    if below:
        raise InputError(
            f"{path} has {below} scores below 0, which cannot be joined with others; give probabilities"
        )
    return detections
