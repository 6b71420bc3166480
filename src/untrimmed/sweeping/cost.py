"""What the networks of a grid cost: parameters, operations and time of a forward pass."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.files import require_writable
from untrimmed.models.build import build_detector
from untrimmed.sweeping.outcome import Outcome
from untrimmed.sweeping.plan import Plan
from untrimmed.sweeping.table import Column, axis_columns, duration, millions, write_table

logger = logging.getLogger(__name__)

#: The unit of time: a product of two square float32 matrices of this size.
MATRIX_SIZE = 2048


@dataclass(frozen=True)
class Input:
    """What the networks are given, and how often.

    Attributes:
        steps: T.
        dimension: D; None: that of each recipe.
        classes: K.
        rounds: that are timed.
        device: cpu or cuda.
    """

    steps: int = 2304
    dimension: int | None = None
    classes: int = 20
    rounds: int = 5
    device: str = "cpu"


@dataclass(frozen=True)
class Cost:
    """Of one network.

    Attributes:
        parameters: their number.
        flops: of one forward pass, a multiplication with its addition counted as two.
        seconds: of one forward pass, the median of the rounds.
        products: the same as a multiple of a matrix product timed in the same rounds.
    """

    parameters: int
    flops: int
    seconds: float
    products: float


def sweep_costs(plan: Plan, given: Input, out: Path, say: Callable[[str], None]) -> Outcome:
    """Measure all cells one after another, and write the table after each.

    Raises:
        InputError: nobody says how long a feature vector is.
    """
    for cell in plan.cells:
        _dimension(cell.recipe, given)
    require_writable(out / "table.csv")
    costs: list[Cost | None] = [None] * len(plan.cells)
    failed: list[str] = []
    begun, page = time.monotonic(), ""
    for number, cell in enumerate(plan.cells, 1):
        try:
            costs[number - 1] = cost = measure(cell.recipe, given)
            what = f"{millions(cost.parameters)} parameters, {1000 * cost.seconds:.0f} ms"
        except Exception as error:
            logger.debug("the network failed", exc_info=error)
            what = f"{type(error).__name__}: {error}"
            failed.append(f"{cell.title}: {what}")
        page = write_table(_columns(plan, costs), len(plan.axes), out, plan.title, _notes(plan, given))
        left = (time.monotonic() - begun) / number * (len(plan.cells) - number)
        say(f"{number} of {len(plan.cells)}, about {duration(left)} left: {cell.title}: {what}")
    return Outcome(page, tuple(failed), len(plan.cells))


def measure(recipe: Recipe, given: Input) -> Cost:
    """The cost of the network of a recipe, with random weights and features, one sequence at a time."""
    device, dimension = torch.device(given.device), _dimension(recipe, given)
    torch.manual_seed(0)
    network = build_detector(recipe.model, input_dim=dimension, classes=given.classes).to(device).eval()
    features = torch.randn(1, given.steps, dimension, device=device)
    matrix = torch.rand(MATRIX_SIZE, MATRIX_SIZE, device=device)
    flops = count_flops(network, features)
    with torch.inference_mode():
        _seconds(lambda: matrix @ matrix, device)
        _seconds(lambda: network(features), device)
        rounds = [
            (_seconds(lambda: network(features), device), _seconds(lambda: matrix @ matrix, device))
            for _ in range(given.rounds)
        ]
    seconds, product = (median(times) for times in zip(*rounds, strict=True))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(parameters, flops, seconds, seconds / product)


def count_flops(network: nn.Module, *inputs: Tensor) -> int:
    """Of a forward pass in which every convolution is computed as it is defined, which is that of training.

    Inference on a processor takes products of sums instead (`models/rows.py`), of which there are fewer.
    """
    with torch.enable_grad(), FlopCounterMode(display=False, custom_mapping=IN_PLACE) as counter:
        network(*inputs)
    flops: int = counter.get_total_flops()
    return flops


def _added_product(total: Sequence[int], left: Sequence[int], right: Sequence[int], **_: object) -> int:
    """FLOPs of adding a product of matrices of these shapes to a matrix."""
    return 2 * left[0] * left[1] * right[1]


#: What PyTorch's counter leaves out: products that are added in place.
IN_PLACE = {torch.ops.aten.addmm_: _added_product}


def _seconds(function: Callable[[], object], device: torch.device) -> float:
    """Of one call, until the device has finished what it began."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def _dimension(recipe: Recipe, given: Input) -> int:
    dimension = given.dimension or recipe.data.dimension
    if dimension is None:
        raise InputError(
            "the recipe does not say data.dimension: say with --input-dim how long a feature vector is"
        )
    return dimension


def _columns(plan: Plan, costs: Sequence[Cost | None]) -> list[Column]:
    def of(name: str) -> tuple[float | None, ...]:
        return tuple(None if cost is None else getattr(cost, name) for cost in costs)

    return [
        *axis_columns(plan),
        Column("parameters", "parameters", of("parameters"), millions),
        Column("flops", "GFLOPs", of("flops"), lambda flops: f"{flops / 1e9:.1f}"),
        Column("seconds", "ms", of("seconds"), lambda seconds: f"{1000 * seconds:.0f}"),
        Column("matrix_products", "matrix products", of("products"), lambda products: f"{products:.2f}"),
    ]


def _notes(plan: Plan, given: Input) -> list[str]:
    dimensions = dict.fromkeys(_dimension(cell.recipe, given) for cell in plan.cells)
    device = torch.device(given.device)
    where = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"a processor with {torch.get_num_threads()} threads"
    )
    return [
        f"A forward pass of the network alone, without candidates and suppression: one sequence of {given.steps} "
        f"steps of {' or '.join(map(str, dimensions))} values, {given.classes} classes, float32, on {where}; the "
        f"median of {given.rounds} rounds. Matrix products: the same time as a multiple of a product of two "
        f"{MATRIX_SIZE} x {MATRIX_SIZE} float32 matrices, timed in the same rounds.",
        "FLOPs are those of matrix products, convolutions and attention, a multiplication and its addition being "
        "two; Fourier transforms, pooling, normalisation and whatever works element by element, such as the scan "
        "of a state space, are not counted.",
    ]
