"""Wrong checkpoints of released systems."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from bad_features import Evil
from bad_input import Case, text
from safetensors.torch import save_file
from torch import Tensor, nn

from untrimmed.released.systems import SYSTEMS

HEADS = ("cls_head", "reg_head")


def state(**more: Tensor) -> dict[str, Tensor]:
    """A small TemporalMaxer under the names of its release, of 4 values, 16 channels, 2 levels and 3 classes."""
    shapes: dict[str, tuple[int, ...]] = {
        "backbone.embd.0.conv.weight": (16, 4, 3),
        "backbone.embd_norm.0.weight": (1, 16, 1),
        "backbone.embd_norm.0.bias": (1, 16, 1),
        "cls_head.cls_head.conv.weight": (3, 16, 3),
        "cls_head.cls_head.conv.bias": (3,),
        "reg_head.offset_head.conv.weight": (2, 16, 3),
        "reg_head.offset_head.conv.bias": (2,),
        "reg_head.scale.0.scale": (),
        "reg_head.scale.1.scale": (),
    }
    shapes |= {f"{head}.head.0.conv.weight": (16, 16, 3) for head in HEADS}
    shapes |= {f"{head}.norm.0.{part}": (1, 16, 1) for head in HEADS for part in ("weight", "bias")}
    return {name: torch.ones(shape) for name, shape in shapes.items()} | more


def saved(content: Callable[[], Any]) -> Callable[[Path], object]:
    """To write a checkpoint."""

    def prepare(world: Path) -> None:
        torch.save(content(), world / "best.pth")

    return prepare


def changed(change: Mapping[str, Tensor], *without: str) -> Callable[[Path], object]:
    """To write averaged weights with some of them changed."""
    return saved(
        lambda: {
            "state_dict_ema": {
                name: tensor for name, tensor in (state() | dict(change)).items() if name not in without
            }
        }
    )


def cut_off(world: Path) -> None:
    saved(lambda: {"state_dict_ema": state()})(world)
    data = (world / "best.pth").read_bytes()
    (world / "best.pth").write_bytes(data[: len(data) // 2])


def beside(world: Path) -> None:
    save_file(state(), world / "plain.safetensors")


COMMAND = "import-weights best.pth --out model.safetensors"
REFUSED = (
    "best.pth is refused: it names {!r}, and only tensors and plain values are read, because any other name may "
    "run code; if you trust the file, load it with the program that wrote it, and save the model's state_dict() "
    "alone"
)
BROKEN = (
    "best.pth is not a whole checkpoint: it may be cut short, or no file of torch.save or safetensors; copy it "
    "again"
)
NAMES = ", ".join(one.system.name for one in SYSTEMS)
WRITES = ("model.safetensors",)

RELEASED = [
    Case(
        "no such checkpoint",
        COMMAND,
        "there is no file best.pth: give a checkpoint (.pth, .pth.tar, .pt or .safetensors)",
    ),
    Case(
        "model of no known ending",
        "import-weights best.pth --out model.pth",
        "model.pth must end in .safetensors to be a model",
        prepare=changed({}),
    ),
    Case("checkpoint with code in it", COMMAND, REFUSED.format("getattr"), prepare=saved(Evil)),
    Case(
        "whole network, pickled",
        COMMAND,
        REFUSED.format("torch.nn.modules.linear.Linear"),
        prepare=saved(lambda: nn.Linear(2, 2)),
    ),
    Case(
        "checkpoint cut in half",
        COMMAND,
        BROKEN,
        prepare=cut_off,
    ),
    Case(
        "text named as a checkpoint",
        COMMAND,
        BROKEN,
        prepare=text("best.pth", "<html>not found</html>"),
    ),
    Case(
        "checkpoint without weights",
        COMMAND,
        "best.pth holds no weights, only epoch, optimizer; expected a dict with state_dict_ema or state_dict, or "
        "a mapping of names to tensors",
        prepare=saved(lambda: {"epoch": 3, "optimizer": {}}),
    ),
    Case(
        "model of ours",
        "import-weights trained/last.safetensors --out model.safetensors",
        "trained/last.safetensors is a model of untrimmed already: detect with it as it is",
    ),
    Case(
        "weights of another network",
        COMMAND,
        f"best.pth holds no weights of {NAMES}; it has 1 tensor such as fc.weight",
        prepare=saved(lambda: {"fc.weight": torch.ones(3)}),
    ),
    Case(
        "system that it is not of",
        f"{COMMAND} --system tridet",
        "best.pth looks like a checkpoint of temporalmaxer, not of tridet: leave out --system, or give "
        "another file",
        prepare=changed({}),
    ),
    Case(
        "system that does not exist",
        f"{COMMAND} --system temporalmax",
        f"there is no system temporalmax: choose one of {NAMES}; did you mean temporalmaxer?",
        prepare=changed({}),
    ),
    Case(
        "checkpoint of several inputs",
        COMMAND,
        "best.pth holds 2 tensors (backbone.proj.{0,1}.conv.bias) that temporalmaxer does not have; it has an "
        "input of several parts, each with a projection of its own, which is not supported",
        prepare=changed({f"backbone.proj.{part}.conv.bias": torch.ones(8) for part in (0, 1)}),
    ),
    Case(
        "checkpoint that lacks a tensor",
        COMMAND,
        "best.pth does not fit the network that the recipe describes: it lacks 1 tensor "
        "(cls_head.cls_head.conv.bias)",
        prepare=changed({}, "cls_head.cls_head.conv.bias"),
    ),
    Case(
        "checkpoint of a newer pickle protocol",
        COMMAND,
        "best.pth is refused: it has a newer pickle protocol than torch.save writes by itself, which is not "
        "read; if you trust the file, load it with the program that wrote it, and save the model's state_dict() "
        "alone, without pickle_protocol",
        prepare=lambda world: torch.save(state(), world / "best.pth", pickle_protocol=4),
    ),
    Case(
        "released weights that the model would replace",
        "import-weights plain.safetensors --out plain.safetensors",
        "--out is plain.safetensors itself, which would be lost: give another file",
        prepare=beside,
    ),
    Case(
        "tensor of another shape",
        COMMAND,
        "best.pth does not fit the network that the recipe describes: shapes differ: cls_head.norm.0.bias is (8) "
        "here and must be (16) (decoder.class_head.trunk.norms.0.bias)",
        prepare=changed({"cls_head.norm.0.bias": torch.ones(1, 8, 1)}),
    ),
    Case(
        "weights that diverged",
        COMMAND,
        "best.pth holds 1 tensor (reg_head.scale.0.scale) of other than finite numbers; did training diverge?",
        prepare=changed({"reg_head.scale.0.scale": torch.tensor(torch.nan)}),
    ),
    Case(
        "names of other classes",
        f"{COMMAND} --classes task/annotations.json",
        "the checkpoint tells 3 classes apart, but task/annotations.json names [...]; give the file that it was "
        "trained with, or one name a line, with --classes FILE",
        prepare=changed({"cls_head.cls_head.conv.weight": torch.ones(3, 16, 3)}),
    ),
    Case(
        "classes that nobody names",
        COMMAND,
        "nobody says what the 3 classes are called, so they are class-0 to class-2; name them with --classes "
        "FILE: annotations that number their labels (label_id), or one name a line",
        code=0,
        prepare=changed({}),
        writes=WRITES,
    ),
    Case(
        "checkpoint without averaged weights",
        COMMAND,
        "best.pth holds no averaged weights, which the releases evaluate: the raw ones are taken",
        code=0,
        prepare=saved(lambda: {"state_dict": state()}),
        writes=WRITES,
    ),
]
