import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from untrimmed.models.predictions import Points

# The tensors of tests are small: more threads would only wait for each other. torch reads this when it is
# imported, here and in the processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"

# The same examples in every run, so that a change that did not break anything never fails;
# `pytest --hypothesis-profile search` looks for new ones. A busy machine is no failure either.
settings.register_profile(
    "same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference outputs and real recordings that lies beside the repository."""
    folder = Path(os.environ.get("UNTRIMMED_SHARED", Path(__file__).parents[1].parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: set UNTRIMMED_SHARED to the folder that holds parity/ and data/")
    return folder


@pytest.fixture(scope="session")
def points_of() -> "Callable[..., Points]":
    """points_of(lengths, steps, levels) are the points of a pyramid over such a batch."""
    import torch

    from untrimmed.models.predictions import Points
    from untrimmed.models.sequences import Padding

    def build(lengths: Sequence[int], steps: int, levels: int) -> Points:
        paddings = [Padding(tuple(lengths), steps, torch.device("cpu"))]
        while len(paddings) < levels:
            paddings.append(paddings[-1].halved())
        return Points(tuple(paddings))

    return build


@pytest.fixture
def no_new_kinds() -> Iterator[None]:
    """Takes back what plugins add while a test runs: kinds, modules, and places to find modules."""
    from untrimmed.config.decoders import DECODER_SECTIONS
    from untrimmed.config.encoders import ENCODER_SECTIONS
    from untrimmed.models.build import DECODERS, ENCODERS

    registries: tuple[dict, ...] = (ENCODER_SECTIONS, ENCODERS, DECODER_SECTIONS, DECODERS)
    before = [dict(registry) for registry in registries]
    modules, places = set(sys.modules), list(sys.path)
    yield
    for registry, kinds in zip(registries, before, strict=True):
        registry.clear()
        registry.update(kinds)
    for name in set(sys.modules) - modules:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(tempfile.gettempdir()):
            del sys.modules[name]
    sys.path[:] = places
