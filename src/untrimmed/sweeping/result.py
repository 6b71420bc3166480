"""What a finished run of a sweep has brought: result.json, which is written last."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from untrimmed.errors import InputError
from untrimmed.files import read_text, write_text

FILE = "result.json"


@dataclass(frozen=True)
class Judged:
    """One evaluation of a run.

    Attributes:
        subset: of whose videos.
        tiou: the thresholds as they were asked for.
        tiou_thresholds: the n thresholds.
        mean_average_precision: n mAP, in [0, 1].
        average_map: their mean.
    """

    subset: str
    tiou: str
    tiou_thresholds: tuple[float, ...]
    mean_average_precision: tuple[float, ...]
    average_map: float


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        parameters: of its network.
        training_seconds: of all whole epochs.
        evaluations: of its detections.
    """

    parameters: int
    training_seconds: float
    evaluations: tuple[Judged, ...]

    def judged(self, subset: str, tiou: str) -> Judged | None:
        """The evaluation that was asked for so, None where there is none."""
        asked = (subset, tiou)
        return next((one for one in self.evaluations if (one.subset, one.tiou) == asked), None)


def read_result(folder: Path) -> Result | None:
    """The result of the run in a folder, None where it is not finished.

    Raises:
        InputError: the file is not one that `write_result` made.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        values = json.loads(read_text(path))
        evaluations = [
            Judged(**one | {name: tuple(one[name]) for name in ("tiou_thresholds", "mean_average_precision")})
            for one in values["evaluations"]
        ]
        return Result(values["parameters"], values["training_seconds"], tuple(evaluations))
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is not the result of a run; remove it, and the run is judged anew") from error


def write_result(result: Result, folder: Path) -> None:
    """Write it whole or not at all."""
    write_text(folder / FILE, json.dumps(asdict(result), indent=2) + "\n")
