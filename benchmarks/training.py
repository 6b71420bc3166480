"""How long a training step takes, and its parts: forward, losses, backward, optimiser.

    python benchmarks/training.py [--rounds N] [--threads N] [--device cuda] [--precision bfloat16]

The networks of the recipes `thumos14-i3d` and `hapt` with random features and actions, batches of 2 sequences of
unequal length. Every case runs in a process of its own, whose peak memory includes torch, weights, optimiser and
features. Like the commands, these processes keep freed memory (untrimmed/memory.py).
"""

from dataclasses import dataclass
from statistics import median

import torch
from harness import (
    add_device_option,
    in_own_process,
    matrix_product_seconds,
    parser,
    peak_memory_megabytes,
    print_table,
    reset_peak_memory,
    seconds,
)
from torch import Tensor

from untrimmed.memory import keep_freed_memory
from untrimmed.models.build import build_detector
from untrimmed.models.predictions import Predictions
from untrimmed.recipes.loading import load_recipe
from untrimmed.training.criterion import Losses
from untrimmed.training.fit import build_criterion
from untrimmed.training.schedule import optimizer
from untrimmed.training.targets import SequenceTruth

PARTS = ("forward", "losses", "backward", "optimiser")


@dataclass(frozen=True)
class Case:
    """A recipe, and the batches that its data would give."""

    recipe: str
    dimension: int
    classes: int
    lengths: tuple[int, int]
    action_steps: int


CASES = (Case("thumos14-i3d", 2048, 20, (2304, 1700), 30), Case("hapt", 300, 12, (860, 700), 30))


class Step:
    """One training step, in its parts."""

    def __init__(self, case: Case, device: torch.device, precision: str) -> None:
        places = ["data.annotations=none", "data.features=none"]
        recipe = load_recipe(case.recipe, places)
        torch.manual_seed(0)
        network = build_detector(recipe.model, input_dim=case.dimension, classes=case.classes)
        self.network = network.to(device).train()
        self.criterion = build_criterion(recipe.training, recipe.model.levels).to(device).train()
        rates = {"learning_rate": recipe.training.learning_rate, "weight_decay": recipe.training.weight_decay}
        self.optimizer = optimizer(self.network, **rates)
        self.clip_norm = recipe.training.clip_norm
        self.lower = precision == "bfloat16"
        self.lengths = case.lengths
        self.features = torch.randn(2, max(case.lengths), case.dimension, device=device)
        self.truths = [self._truth(length, case) for length in case.lengths]
        self.predictions: Predictions | None = None
        self.losses: Losses | None = None

    def _truth(self, length: int, case: Case) -> SequenceTruth:
        start = torch.arange(0, length - case.action_steps, 2 * case.action_steps).float()
        segments = torch.stack((start, start + case.action_steps), dim=1)
        return SequenceTruth(segments, torch.arange(len(start)) % case.classes)

    def forward(self) -> None:
        """Features to predictions."""
        with torch.autocast(self.features.device.type, torch.bfloat16, enabled=self.lower):
            self.predictions = self.network(self.features, self.lengths)

    def compare(self) -> None:
        """Predictions to losses."""
        self.losses = self.criterion(self.predictions, self.truths)

    def backward(self) -> None:
        """The gradients of all weights."""
        assert self.losses is not None
        total: Tensor = self.losses.total
        torch.autograd.backward(total)

    def learn(self) -> None:
        """Clipping and the step of the optimiser."""
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()


def table_rows(
    case: Case, device: torch.device, precision: str, threads: int, rounds: int
) -> list[tuple[object, ...]]:
    """A row for the whole step and one for each part."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    step = Step(case, device, precision)
    parts = (step.forward, step.compare, step.backward, step.learn)
    reset_peak_memory(device)
    products: list[float] = []
    times: list[list[float]] = []
    for _ in range(rounds + 1):
        products.append(matrix_product_seconds(device))
        times.append([seconds(part, device) for part in parts])
    # The first round only warms up.
    product, columns = median(products[1:]), list(zip(*times[1:], strict=True))
    columns = [tuple(map(sum, zip(*columns, strict=True))), *columns]
    names, megabytes = ("whole step", *PARTS), peak_memory_megabytes(device)
    return [
        (case.recipe, name, 1e3 * median(column), 1e3 * min(column), median(column) / product, megabytes)
        for name, column in zip(names, columns, strict=True)
    ]


def main() -> None:
    options = parser("Time a training step.", rounds=7)
    add_device_option(options)
    options.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="(%(default)s)")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    rows = [
        row
        for case in CASES
        for row in in_own_process(table_rows, case, given.device, given.precision, given.threads, given.rounds)
    ]
    print_table(
        f"one training step, batches of 2, {given.precision}, {given.device}",
        ("recipe", "part", "median ms", "min ms", "matrix products", "peak MB"),
        rows,
    )


if __name__ == "__main__":
    main()
