"""How long suppression takes, beside the definition: one emitted candidate after the other, class by class.

    python benchmarks/nms.py [--rounds N] [--threads N]

Candidates lie anywhere on 2304 steps, on six pyramid levels (lengths up to 16 strides of 1 to 32 steps), with
scores evenly spread over [0, 1]; or around 28 events, most with low scores, as a trained detector gives them.
Both ways use one thread; --threads is for the matrix product. The definition has no early stop.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from harness import measure, parser, print_table
from numpy.typing import NDArray

from untrimmed.detection.nms import Suppression, suppress

STEPS, LEVELS, EVENTS = 2304, 6, 28


class Candidates(NamedTuple):
    """Columns of one row a candidate; times in steps."""

    start: NDArray[np.float32]
    end: NDArray[np.float32]
    score: NDArray[np.float32]
    label: NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """Made-up candidates and what is done with them."""

    name: str
    candidates: int
    classes: int
    suppression: Suppression
    around_events: bool = False


SOFT = Suppression()
HARD = Suppression(method="hard", tiou_threshold=0.5)
VOTING = Suppression(per_class=False, max_detections=200, voting_tiou=0.7)
CASES = (
    Case("soft", 11_400, 20, SOFT),
    Case("soft, around events", 11_400, 20, SOFT, around_events=True),
    Case("soft", 11_400, 65, SOFT),
    Case("soft", 11_400, 300, SOFT),
    Case("soft", 200, 1, SOFT),
    Case("soft", 1_000, 1, SOFT),
    Case("soft", 2_000, 1, SOFT),
    Case("soft", 5_000, 1, SOFT),
    Case("soft", 20_000, 1, SOFT),
    Case("soft, around events", 2_000, 1, SOFT, around_events=True),
    Case("hard", 11_400, 20, HARD),
    Case("hard", 20_000, 1, HARD),
    Case("soft, best 200, voting", 2_000, 20, VOTING, around_events=True),
    Case("soft, best 200, voting", 11_400, 20, VOTING, around_events=True),
)


def made_up(case: Case) -> Candidates:
    """The candidates of a case, the same in every run."""
    random = np.random.default_rng(0)
    n = case.candidates
    label = random.integers(0, case.classes, n)
    if case.around_events:
        centre, length = random.uniform(0, STEPS, EVENTS), random.lognormal(3, 0.8, EVENTS)
        event = random.integers(0, EVENTS, n)
        jitter = random.normal(0, 0.15, (2, n)) * length[event]
        start = centre[event] - length[event] / 2 + jitter[0]
        end = np.maximum(centre[event] + length[event] / 2 + jitter[1], start + 0.1)
        label = np.where(random.random(n) < 0.9, event % case.classes, label)
        score = random.beta(0.5, 3, n)
    else:
        stride = 2.0 ** random.integers(0, LEVELS, n)
        point = random.uniform(0, STEPS, n) // stride * stride
        start, end = point - random.uniform(0, 8, n) * stride, point + random.uniform(0, 8, n) * stride
        score = random.random(n)
    return Candidates(start.astype(np.float32), end.astype(np.float32), score.astype(np.float32), label)


def one_at_a_time(given: Candidates, rules: Suppression) -> int:
    """How many the definition emits, a numpy pass over the rest of the class for each; no voting."""
    emitted = 0
    for label in np.unique(given.label) if rules.per_class else [None]:
        mask = (given.label == label) | (label is None)
        start, end, score = given.start[mask], given.end[mask], given.score[mask]
        while len(score) > 0:
            best = score.argmax()
            emitted += 1
            shared = np.maximum(0, np.minimum(end, end[best]) - np.maximum(start, start[best]))
            tiou = shared / (end - start + end[best] - start[best] + 2e-6 - shared)
            if rules.method == "hard":
                score[tiou >= rules.tiou_threshold] = 0
            else:
                score *= np.exp(-np.square(tiou) / rules.sigma)
            score[best] = 0
            rest = score > rules.min_score
            start, end, score = start[rest], end[rest], score[rest]
    return min(emitted, rules.max_detections)


def main() -> None:
    options = parser("Time the suppression of candidates.").parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    for case in CASES:
        given = made_up(case)
        kept = len(suppress(*given, case.suppression))
        timing = measure(partial(suppress, *given, case.suppression), options.rounds, torch.device("cpu"))
        by_definition = partial(one_at_a_time, given, case.suppression)
        definition = measure(by_definition, options.rounds, torch.device("cpu"))
        times = (1e3 * timing.median, 1e3 * timing.minimum, timing.multiple)
        rows.append((case.name, case.candidates, case.classes, kept, *times, definition.median / timing.median))
    print_table(
        "suppress, one video",
        (
            "case",
            "candidates",
            "classes",
            "kept",
            "median ms",
            "min ms",
            "matrix products",
            "definition / this",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
