from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from untrimmed.errors import InputError
from untrimmed.released.loading import load_strictly, translated
from untrimmed.released.system import System
from untrimmed.released.translation import Rule, flat

SMALL = System(
    name="small",
    rules=(
        Rule("dense.weight", "0.weight"),
        Rule("dense.bias", "0.bias", flat),
        Rule("norms.{i}.{p}", "1.{p}", flat),
    ),
    model=lambda shapes: {},
    recipe="demo",
)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))


def state() -> dict[str, Tensor]:
    shared = {f"norms.{i}.{part}": torch.full((1, 2, 1), 3.0) for i in (0, 1) for part in ("weight", "bias")}
    return {"dense.weight": torch.ones(2, 3), "dense.bias": torch.tensor([[1.0], [2.0]]), **shared}


def load(given: dict[str, Tensor], theirs: dict[str, str] | None = None) -> nn.Sequential:
    made = network()
    load_strictly(made, translated(given, SMALL, theirs or {}, "x.pth"), "x.pth")
    return made


def test_every_tensor_is_loaded() -> None:
    made = load(state())
    assert made[0].bias.tolist() == [1.0, 2.0]
    assert made[1].weight.tolist() == [3.0, 3.0]


def test_tensors_that_are_one_here_must_be_equal() -> None:
    with pytest.raises(InputError, match=r"norms.0.bias and norms.1.bias must be the same in small, but differ"):
        load(state() | {"norms.1.bias": torch.zeros(1, 2, 1)})


def test_all_that_is_wrong_is_said_at_once() -> None:
    given = {name: tensor for name, tensor in state().items() if "norms" not in name}
    with pytest.raises(
        InputError,
        match=r"^x.pth does not fit the network that the recipe describes: it lacks 2 tensors "
        r"\(norms.{i}.weight, norms.{i}.bias\); shapes differ: "
        r"dense.weight is \(2, 4\) here and must be \(2, 3\) \(0.weight\)$",
    ):
        load(given | {"dense.weight": torch.ones(2, 4)})


def test_of_many_shapes_the_first_few_are_told_and_what_the_user_changed() -> None:
    network = nn.ModuleList(nn.LayerNorm(3) for _ in range(4))
    rules = (Rule("norms.{i}.{p}", "{i}.{p}", flat),)
    given = {f"norms.{i}.{part}": torch.ones(1, 2, 1) for i in range(4) for part in ("weight", "bias")}
    named = translated(given, replace(SMALL, rules=rules), {}, "x.pth")
    with pytest.raises(
        InputError,
        match=r"norms.1.weight is \(2\) here and must be \(3\) \(1.weight\); and 5 more; leave out what was "
        r"changed: model.channels is 2 in the checkpoint and 3 as given$",
    ):
        load_strictly(network, named, "x.pth", against=["model.channels is 2 in the checkpoint and 3 as given"])


def test_what_was_changed_is_no_matter_where_all_fits() -> None:
    made = network()
    load_strictly(made, translated(state(), SMALL, {}, "x.pth"), "x.pth", against=["model.norm is other"])
    assert made[0].bias.tolist() == [1.0, 2.0]


def test_tensors_are_called_as_in_the_file() -> None:
    with pytest.raises(InputError, match=r"holds 1 tensor \(rpn.bias\) of other than finite numbers"):
        load(state() | {"dense.bias": torch.tensor([torch.inf, 0.0])}, {"dense.bias": "rpn.bias"})
    with pytest.raises(InputError, match=r"holds 1 tensor \(dense.weight\) of other than finite numbers"):
        load(state() | {"dense.weight": torch.ones(2, 3, dtype=torch.int64)})


def test_unknown_names_of_many_blocks_are_named_together() -> None:
    unknown = {f"blocks.{i}.{part}.3.x": torch.ones(1) for part in ("a", "b") for i in (0, 1, 4)}
    with pytest.raises(
        InputError,
        match=r"holds 6 tensors \(blocks.\{0,1,4\}.a.3.x, blocks.\{0,1,4\}.b.3.x\) that small does not have$",
    ):
        load(state() | unknown)
    with pytest.raises(InputError, match="it has relative position codes, which is not supported"):
        load(state() | {"blocks.0.attn.rel_pe": torch.ones(1)})


def test_half_precision_is_widened() -> None:
    made = load(state() | {"dense.weight": torch.full((2, 3), 0.5, dtype=torch.float16)})
    assert made[0].weight.dtype == torch.float32
    assert made[0].weight.tolist() == [[0.5] * 3] * 2
