"""What the runs of one recipe with several seeds say together: a mean and a spread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.errors import InputError
from untrimmed.report.runs import RunEvaluation

#: What evaluations must have in common for a mean of them to say anything.
COMMON = ("protocol", "subset", "annotations", "label", "videos", "classifier")


@dataclass(frozen=True)
class Seeds:
    """Runs of one recipe that were judged alike, by rising seed. There is at least one."""

    runs: tuple[RunEvaluation, ...]

    @property
    def first(self) -> RunEvaluation:
        """For what all of them have in common."""
        return self.runs[0]

    @property
    def recipe(self) -> str:
        """Of all of them."""
        return self.first.recipe

    @cached_property
    def values(self) -> FloatArray:
        """(runs, n + 1) in [0, 1]: of each run mAP at the n thresholds, and last their average."""
        return np.array([[*run.mean_average_precision, run.average_map] for run in self.runs])

    @property
    def mean(self) -> FloatArray:
        """(n + 1,) over the runs."""
        mean: FloatArray = self.values.mean(axis=0)
        return mean

    @property
    def spread(self) -> FloatArray | None:
        """(n + 1,) standard deviations over the runs, divided by their number less one; None for one run."""
        if len(self.runs) == 1:
            return None
        spread: FloatArray = self.values.std(axis=0, ddof=1)
        return spread


def by_seeds(runs: Iterable[RunEvaluation]) -> list[Seeds]:
    """The runs with the same recipe and thresholds together, sorted by these.

    Raises InputError where such runs were judged in different ways, or a seed is there twice.
    """
    groups: dict[tuple[str, tuple[float, ...]], list[RunEvaluation]] = {}
    for run in sorted(runs, key=lambda run: (run.recipe, run.seed)):
        # 0.3:0.7:0.1 and 0.3,0.4,0.5,0.6,0.7 are not quite the same doubles.
        thresholds = tuple(run.tiou_thresholds.round(6).tolist())
        groups.setdefault((run.recipe, thresholds), []).append(run)
    for group in groups.values():
        _require_comparable(group)
    return [Seeds(tuple(groups[key])) for key in sorted(groups)]


def _require_comparable(runs: Sequence[RunEvaluation]) -> None:
    for one, other in pairwise(runs):
        both = f"{one.path} and {other.path} are both of {one.recipe}"
        if one.seed == other.seed:
            raise InputError(f"{both} with seed {one.seed}; give each run once")
        for name in COMMON:
            this, that = getattr(one, name), getattr(other, name)
            if this != that:
                raise InputError(
                    f"{both}, but {name} is {this or 'none'} in the first and {that or 'none'} in the second; "
                    "give evaluations that were made alike"
                )
