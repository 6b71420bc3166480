from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck

from untrimmed.config import ModelSection
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.models.predictions import Places, Points, Predictions

DIMENSION = 24
CLASSES = 3


@pytest.fixture(scope="session")
def randomised() -> Callable[..., nn.Module]:
    """randomised(module) moves every parameter away from where it starts.

    Biases start at zero, and a bias of zero that leaks into padding cannot be seen.
    """

    def move(module: nn.Module, seed: int = 0, size: float = 0.1) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter += size * torch.randn(parameter.shape, generator=generator)
        return module.eval()

    return move


@pytest.fixture(scope="session")
def small_detector(randomised: Callable[..., nn.Module]) -> Callable[..., ActionDetector]:
    """small_detector(levels=..., ...) is the paper's network with few channels and random weights."""

    def build(
        levels: int = 3,
        channels: int = 16,
        kernel_size: int = 3,
        drop_path: float = 0.1,
        bins: int = 5,
        boundary_kernel_size: int | None = None,
        positions: bool = False,
    ) -> ActionDetector:
        section = ModelSection.model_validate(
            {
                "channels": channels,
                "levels": levels,
                "embedding": {"positions": positions},
                "encoder": {
                    "kind": "gmg",
                    "stem_blocks": 1,
                    "hidden": 24,
                    "kernel_size": kernel_size,
                    "drop_path": drop_path,
                },
                "decoder": {
                    "kind": "cltdr",
                    "head_channels": 16,
                    "bins": bins,
                    "kernel_size": kernel_size,
                    "boundary_kernel_size": boundary_kernel_size,
                },
            }
        )
        torch.manual_seed(levels)
        return randomised(build_detector(section, input_dim=DIMENSION, classes=CLASSES))

    return build


@pytest.fixture(scope="session")
def padded() -> Callable[..., Tensor]:
    """padded(sequences, steps) lays sequences (C, T_i) into one (B, C, steps); `behind` fills the rest."""

    def lay(sequences: Sequence[Tensor], steps: int, behind: Tensor | float = 0.0) -> Tensor:
        first = sequences[0]
        batch = first.new_empty(len(sequences), first.shape[0], steps)
        batch[:] = behind
        for row, sequence in zip(batch, sequences, strict=True):
            row[:, : sequence.shape[1]] = sequence
        return batch

    return lay


@pytest.fixture(scope="session")
def every_place() -> Callable[..., Places]:
    """every_place(points, row, classes): each valid point of a sequence with each class."""

    def build(points: Points, row: int, classes: int) -> Places:
        valid = torch.nonzero(points.valid[row])[:, 0]
        point = valid.repeat_interleave(classes)
        label = torch.arange(classes).repeat(len(valid))
        return Places(torch.full_like(point, row), point, label)

    return build


@pytest.fixture(scope="session")
def outputs(every_place: Callable[..., Places]) -> Callable[..., list[Tensor]]:
    """outputs(predictions, row) is all that is said of one sequence, before refinement and after.

    Logits and distances of every valid point and class.
    """

    def said(predictions: Predictions, row: int) -> list[Tensor]:
        points = predictions.points
        places = every_place(points, row, predictions.class_logits.shape[1])
        parts = [predictions] if predictions.coarse is None else [predictions, predictions.coarse]
        return [
            output
            for part in parts
            for output in (part.class_logits[row][:, points.valid[row]], part.regression.distances(places))
        ]

    return said


@pytest.fixture(scope="module")
def in_float64() -> Iterator[None]:
    """Leaves doubles as they are where the network turns to float32 on purpose.

    It does so to keep half precision out of delicate sums; in doubles, leaks and gradients show in many digits.
    """
    to_float32 = torch.Tensor.float
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "float", lambda x: x if x.dtype == torch.float64 else to_float32(x))
        yield


@pytest.fixture
def check_gradients(in_float64: None) -> Callable[..., None]:
    """check_gradients(module, tensors, *others): finite differences agree for all tensors and parameters."""

    def check(module: nn.Module, tensors: Sequence[Tensor], *others: object) -> None:
        module = module.double()
        names = [name for name, _ in module.named_parameters()]

        def function(*values: Tensor) -> object:
            parameters = dict(zip(names, values[len(tensors) :], strict=True))
            return torch.func.functional_call(module, parameters, (*values[: len(tensors)], *others))

        inputs = [x.detach().double().requires_grad_() for x in tensors]
        assert gradcheck(function, (*inputs, *module.parameters()))

    return check
