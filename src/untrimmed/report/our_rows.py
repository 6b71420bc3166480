"""How runs of this package are written in a table and below it."""

from collections.abc import Iterable

from untrimmed.report.markdown import code, percent
from untrimmed.report.seeds import Seeds


def cells(group: Seeds, columns: Iterable[int], decimals: int = 1) -> list[str]:
    """Mean and spread in percent, for columns of `group.values`."""
    mean, spread = group.mean, group.spread
    return [percent(mean[at], None if spread is None else spread[at], decimals) for at in columns]


def number_of_seeds(group: Seeds) -> str:
    """How many runs a row is made from."""
    return "1 seed" if len(group.runs) == 1 else f"{len(group.runs)} seeds"


def judged(group: Seeds) -> str:
    """What the runs were judged on."""
    run = group.first
    if run.subset is not None:
        parts = [f"the subset {run.subset}"]
    else:
        parts = ["the videos with detections" if run.only_named_videos else "all videos"]
    if run.annotations:
        parts.append(f"of {code(run.annotations)}")
    if run.classifier:
        parts.append(f"with the class scores of {code(run.classifier)}")
    return " ".join(parts)


def averages(group: Seeds) -> str:
    """The average mAP of each seed."""
    return ", ".join(f"{percent(run.average_map, decimals=2)} (seed {run.seed})" for run in group.runs)
