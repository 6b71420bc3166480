"""The figures that others have published: Tables 1 to 5 of the paper, and later systems with their sources.

They are data, in published.csv: a line for each row of a table, mAP in percent as it is printed there.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from untrimmed.evaluation.protocols import PROTOCOLS, Protocol
from untrimmed.files import read_text

FILE = Path(__file__).with_name("published.csv")
#: Ends the names of recipes with the settings of the authors' release.
RELEASE = "-release"


@dataclass(frozen=True)
class PublishedRow:
    """One row of a table, mAP in percent.

    Attributes:
        method: the system and its paper.
        is_own: whether it is the system that this package implements.
        features: what it was given.
        values: mAP by tIoU; a threshold that the row does not show is absent.
        average: the average mAP that the row shows.
        source: where it stands, if not in the paper.
        note: what a reader of it should know.
    """

    method: str
    is_own: bool
    features: str
    values: Mapping[float, float]
    average: float
    source: str
    note: str


@dataclass(frozen=True)
class Benchmark:
    """A table of the paper, or the half of Table 3 that is one task.

    Attributes:
        key: what published.csv calls it.
        title: its heading.
        table: its number in the paper.
        protocol: name of the protocol under which its figures are made.
        recipes: our recipes for its rows, each with the features that it is for, as published.csv writes them.
        label: which label of a segment it is about, where the annotations give several.
    """

    key: str
    title: str
    table: int
    protocol: str
    recipes: Mapping[str, str]
    label: str | None = None

    @property
    def judged(self) -> Protocol:
        """The protocol itself."""
        return PROTOCOLS[self.protocol]

    @cached_property
    def rows(self) -> tuple[PublishedRow, ...]:
        """In the order of the paper, those from elsewhere last."""
        lines = csv.DictReader(io.StringIO(read_text(FILE)))
        return tuple(_row(line) for line in lines if line["table"] == self.key)

    def has_recipe(self, name: str) -> bool:
        """Whether a recipe is one of its own, or a variant of one with the release's settings."""
        return name.removesuffix(RELEASE) in self.recipes


BENCHMARKS = (
    Benchmark(
        "thumos14",
        "THUMOS14",
        1,
        "thumos14",
        {
            "thumos14-i3d": "I3D",
            "thumos14-videomaev2": "VideoMAEv2",
            "thumos14-internvideo2": "InternVideo2-6B",
        },
    ),
    Benchmark(
        "multithumos",
        "MultiTHUMOS",
        2,
        "multithumos",
        {
            "multithumos-i3d-rgb": "I3D (RGB)",
            "multithumos-i3d": "I3D (RGB + flow)",
            "multithumos-videomaev2": "VideoMAEv2",
        },
    ),
    Benchmark(
        "epic-verb",
        "EPIC-KITCHENS-100, verbs",
        3,
        "epic-kitchens-100",
        {"epic-verb-slowfast": "SlowFast"},
        label="verb",
    ),
    Benchmark(
        "epic-noun",
        "EPIC-KITCHENS-100, nouns",
        3,
        "epic-kitchens-100",
        {"epic-noun-slowfast": "SlowFast"},
        label="noun",
    ),
    Benchmark(
        "activitynet",
        "ActivityNet-1.3",
        4,
        "activitynet13",
        {"activitynet-tsp": "TSP R(2+1)D", "activitynet-i3d": "I3D"},
    ),
    Benchmark("hacs", "HACS", 5, "hacs", {"hacs-i3d": "I3D", "hacs-slowfast": "SlowFast"}),
)


def _row(line: Mapping[str, str]) -> PublishedRow:
    thresholds = [name for name in line if name[0].isdigit()]
    return PublishedRow(
        method=line["method"],
        is_own=line["own"] == "yes",
        features=line["features"],
        values={float(name): float(line[name]) for name in thresholds if line[name]},
        average=float(line["average"]),
        source=line["source"],
        note=line["note"],
    )
