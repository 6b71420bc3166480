"""How long detection takes at full size: the network, then candidates and suppression; alone and in batches.

    python benchmarks/inference.py [--rounds N] [--threads N] [--device cuda] [--precision bfloat16] [--systems]

The network is that of a recipe with random weights, the features are random: 2304 steps of 2048 values.
With such weights nearly every point scores above the threshold, so that there are as many candidates as a level
may give. Every case runs in a process of its own, whose peak memory includes torch, the weights and the features.
`--systems` times the network of every system instead (paper, Table 15). Like the commands, these processes keep
freed memory (untrimmed/memory.py); `--return-memory` leaves it as it is.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from harness import (
    Timing,
    add_device_option,
    in_own_process,
    measure,
    parser,
    peak_memory_megabytes,
    print_table,
    reset_peak_memory,
)

from untrimmed.config import DetectionSection
from untrimmed.detection.candidates import Candidates, candidates
from untrimmed.detection.localizer import Decoding, batch_steps, batches_by_length
from untrimmed.detection.timed_labels import timed_labels
from untrimmed.features.time_grid import TimeGrid
from untrimmed.memory import keep_freed_memory
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.models.predictions import Predictions
from untrimmed.recipes.loading import load_recipe

STEPS, DIMENSION, CLASSES, SEQUENCES = 2304, 2048, 20, 16
GRID = TimeGrid(fps=25, stride=4, window=16)


@dataclass(frozen=True)
class Setting:
    """What all cases of a run have in common."""

    device: torch.device
    precision: str
    threads: int
    rounds: int
    keep_memory: bool
    recipe: str = "thumos14-i3d"


@dataclass(frozen=True)
class Result:
    """The times of a case and the peak memory of its process."""

    timing: Timing
    megabytes: float


class Stage:
    """A network and features on their device, and what is computed from them."""

    def __init__(self, setting: Setting) -> None:
        if setting.keep_memory:
            keep_freed_memory()
        torch.set_num_threads(setting.threads)
        torch.manual_seed(0)
        self.setting = setting
        recipe = load_recipe(setting.recipe, ["data.annotations=none", "data.features=none"])
        network = build_detector(recipe.model, input_dim=DIMENSION, classes=CLASSES)
        self.network: ActionDetector = network.to(setting.device).eval()
        self.decoding = Decoding.of(DetectionSection())

    def features(self, *shape: int) -> torch.Tensor:
        """Random features (B, T, D)."""
        return torch.randn(*shape, DIMENSION, device=self.setting.device)

    def predict(self, features: torch.Tensor, lengths: Sequence[int]) -> Predictions:
        """The network alone."""
        lower = self.setting.precision == "bfloat16"
        with (
            torch.inference_mode(),
            torch.autocast(self.setting.device.type, torch.bfloat16, enabled=lower),
        ):
            predictions: Predictions = self.network(features, lengths)
        return predictions

    def choose(self, predictions: Predictions) -> list[Candidates]:
        """The candidates of each sequence."""
        decoding = self.decoding
        with torch.inference_mode():
            return candidates(
                predictions,
                threshold=decoding.threshold,
                per_level=decoding.candidates_per_level,
                min_steps=decoding.min_steps,
            )

    def suppress(self, chosen: list[Candidates]) -> None:
        """Soft suppression of each sequence's candidates, and seconds."""
        for one in chosen:
            timed_labels(one, GRID, 1e9, self.decoding.suppression, self.decoding.min_seconds)

    def timed(self, function: Callable[[], object]) -> Result:
        """The times of a function and the peak memory up to its end."""
        reset_peak_memory(self.setting.device)
        timing = measure(function, self.setting.rounds, self.setting.device)
        return Result(timing, peak_memory_megabytes(self.setting.device))


def network_alone(setting: Setting) -> Result:
    """One sequence through the network."""
    stage = Stage(setting)
    features = stage.features(1, STEPS)
    return stage.timed(lambda: stage.predict(features, [STEPS]))


def candidates_alone(setting: Setting) -> Result:
    """The predictions of one sequence to its candidates."""
    stage = Stage(setting)
    predictions = stage.predict(stage.features(1, STEPS), [STEPS])
    return stage.timed(lambda: stage.choose(predictions))


def suppression_alone(setting: Setting) -> Result:
    """The candidates of one sequence to timed labels."""
    stage = Stage(setting)
    chosen = stage.choose(stage.predict(stage.features(1, STEPS), [STEPS]))
    return stage.timed(lambda: stage.suppress(chosen))


def everything(setting: Setting) -> Result:
    """One sequence to timed labels."""
    stage = Stage(setting)
    features = stage.features(1, STEPS)
    return stage.timed(lambda: stage.suppress(stage.choose(stage.predict(features, [STEPS]))))


def lengths_of_many() -> list[int]:
    """Sixteen lengths from 200 to 2304 steps, evenly spread."""
    return [round(length) for length in np.linspace(200, STEPS, SEQUENCES)]


def many_computed_whole(setting: Setting) -> Result:
    """Sixteen sequences one at a time, each padded to the longest, and the padding computed like the rest."""
    stage = Stage(setting)
    features = stage.features(1, STEPS)
    return stage.timed(lambda: [stage.predict(features, [STEPS]) for _ in lengths_of_many()])


def many_padded(setting: Setting) -> Result:
    """Sixteen sequences one at a time, each padded to the longest."""
    stage = Stage(setting)
    features = stage.features(1, STEPS)
    return stage.timed(lambda: [stage.predict(features, [length]) for length in lengths_of_many()])


def many_alone(setting: Setting) -> Result:
    """Sixteen sequences one at a time, each as long as it is."""
    stage = Stage(setting)
    features = stage.features(1, STEPS)
    lengths = lengths_of_many()
    return stage.timed(lambda: [stage.predict(features[:, :length], [length]) for length in lengths])


def many_in_batches(setting: Setting) -> Result:
    """Sixteen sequences in batches of similar lengths, as a Localizer makes them."""
    stage = Stage(setting)
    lengths = lengths_of_many()
    named = {str(length): length for length in lengths}
    batches = [[named[name] for name in batch] for batch in batches_by_length(named, batch_steps(setting.device))]
    features = stage.features(max(map(len, batches)), STEPS)

    def run() -> None:
        for batch in batches:
            stage.predict(features[: len(batch), : max(batch)], batch)

    return stage.timed(run)


def many_at_once(setting: Setting) -> Result:
    """Sixteen sequences in one batch."""
    stage = Stage(setting)
    features = stage.features(SEQUENCES, STEPS)
    return stage.timed(partial(stage.predict, features, lengths_of_many()))


def parameters(setting: Setting) -> float:
    """Millions of parameters of the network."""
    return sum(parameter.numel() for parameter in Stage(setting).network.parameters()) / 1e6


#: The recipes of the systems. ActionMamba's features have 3200 values; here all have the same.
SYSTEMS = {
    "CLTDR-GMG": "thumos14-i3d",
    "CLTDR-GMG, the release's network": "thumos14-i3d-release",
    "ActionFormer": "thumos14-i3d-actionformer",
    "TriDet": "thumos14-i3d-tridet",
    "TemporalMaxer": "thumos14-i3d-temporalmaxer",
    "ActionMamba": "thumos14-internvideo2-actionmamba",
}
ONE = {
    "network": network_alone,
    "candidates": candidates_alone,
    "soft-NMS": suppression_alone,
    "all three": everything,
}
MANY = {
    "one at a time, padded to 2304, all computed": many_computed_whole,
    "one at a time, padded to 2304": many_padded,
    "one at a time": many_alone,
    "batches as a Localizer makes them": many_in_batches,
    "one batch of 16": many_at_once,
}


def print_systems(setting: Setting) -> None:
    """The network of every system on one sequence."""
    rows = []
    for name, recipe in SYSTEMS.items():
        own = replace(setting, recipe=recipe)
        found = in_own_process(network_alone, own)
        times = (1e3 * found.timing.median, 1e3 * found.timing.minimum, found.timing.multiple)
        rows.append((name, in_own_process(parameters, own), *times, found.megabytes))
    print_table(
        f"the network on {STEPS} steps of {DIMENSION} values, {setting.precision}, {setting.device}",
        ("system", "million parameters", "median ms", "min ms", "matrix products", "peak MB"),
        rows,
    )


def main() -> None:
    options = parser("Time detection at full size.", rounds=9)
    add_device_option(options)
    options.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="(%(default)s)")
    options.add_argument("--systems", action="store_true", help="the network of every system, instead")
    options.add_argument("--return-memory", action="store_true", help="leave the C library's settings alone")
    given: argparse.Namespace = options.parse_args()
    torch.set_num_threads(given.threads)
    setting = Setting(given.device, given.precision, given.threads, given.rounds, not given.return_memory)

    if given.systems:
        print_systems(setting)
        return
    rows = []
    for name, case in ONE.items():
        found = in_own_process(case, setting)
        times = (1e3 * found.timing.median, 1e3 * found.timing.minimum, found.timing.multiple)
        rows.append((name, *times, found.megabytes))
    print_table(
        f"one sequence: {STEPS} steps of {DIMENSION} values, {setting.precision}, {given.device}",
        ("part", "median ms", "min ms", "matrix products", "peak MB"),
        rows,
    )

    steps = sum(lengths_of_many())
    several: list[tuple[object, ...]] = []
    first = None
    for name, case in MANY.items():
        found = in_own_process(case, setting)
        multiple = found.timing.multiple
        first = multiple if first is None else first
        several.append(
            (name, 1e6 * found.timing.median / steps, 1e3 * multiple / steps, multiple / first, found.megabytes)
        )
    print_table(
        f"the network on {SEQUENCES} sequences of 200 to {STEPS} steps, {steps} in all",
        ("how", "us a step", "matrix products per 1000 steps", "beside the first", "peak MB"),
        several,
    )


if __name__ == "__main__":
    main()
