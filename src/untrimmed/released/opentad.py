"""OpenTAD's checkpoints under the names of the releases.

OpenTAD has ActionFormer, TemporalMaxer, TriDet and ActionMamba. Inside the blocks its names are those of the
releases; it keeps layer norms as (C,) instead of (1, C, 1), and one buffer that is no weight.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from untrimmed.released.translation import Rule, translate

#: How users call these files.
NAME = "OpenTAD"
#: Running mean that losses are divided by.
LOSS_NORMALIZER = "rpn_head.loss_normalizer"

_BLOCKS = "projection.", "backbone."
_BLOCK_NORMS = ("ln", "ln1", "ln2", "attn.query_norm", "attn.key_norm", "attn.value_norm")


def released(tensor: Tensor) -> Tensor:
    """A layer norm (C,) to the releases' (1, C, 1)."""
    return tensor.reshape(1, -1, 1)


def _trunk(theirs: str, head: str) -> tuple[Rule, ...]:
    """The convolutions of a head but for the last, and their norms."""
    return (
        Rule(f"rpn_head.{theirs}.{{i}}.conv.weight", f"{head}.head.{{i}}.conv.weight"),
        Rule(f"rpn_head.{theirs}.{{i}}.norm.{{p}}", f"{head}.norm.{{i}}.{{p}}", released),
    )


_OUTPUTS = {
    "cls_head": "cls_head.cls_head",
    "cls_start_head": "start_head.cls_head",
    "cls_end_head": "end_head.cls_head",
    "reg_head": "reg_head.offset_head",
}
#: Of all tensors but those in blocks.
RULES = (
    Rule("projection.embed.{i}.conv.weight", "backbone.embd.{i}.conv.weight"),
    Rule("projection.embed.{i}.norm.{p}", "backbone.embd_norm.{i}.{p}", released),
    Rule("neck.fpn_norms.{i}.{p}", "neck.fpn_norms.{i}.{p}", released),
    *_trunk("cls_convs", "cls_head"),
    *_trunk("reg_convs", "reg_head"),
    *_trunk("cls_start_convs", "start_head"),
    *_trunk("cls_end_convs", "end_head"),
    *(Rule(f"rpn_head.{theirs}.{{p}}", f"{release}.conv.{{p}}") for theirs, release in _OUTPUTS.items()),
    Rule("rpn_head.scale.{i}.scale", "reg_head.scale.{i}.scale"),
)

#: What OpenTAD does in another way than the releases, and this project with them.
DIFFERENCES = (
    "adds 1e-6 to the variances of most norms, not 1e-5",
    "writes zeros into the padding after each layer of embedding and heads",
    "keeps the 2000 best candidates of all levels together",
    "rounds segments to 0.01 s",
)
_LAST_STEP = "counts one step more at levels above an even number of steps"
#: Besides, by the name of the system.
OWN_DIFFERENCES = {"temporalmaxer": (_LAST_STEP,), "actionmamba": (_LAST_STEP,)}


@dataclass(frozen=True)
class Renamed:
    """A checkpoint of OpenTAD under the releases' names.

    Attributes:
        tensors: by the releases' names, in their shapes; those without such a name under their own.
        theirs: what each of them is called in the file.
        left_out: names in the file of what is no weight.
    """

    tensors: dict[str, Tensor]
    theirs: dict[str, str]
    left_out: tuple[str, ...]


def is_opentad(names: Iterable[str]) -> bool:
    """Whether a checkpoint is one of OpenTAD, by the names of its tensors."""
    return any(name.startswith(("projection.", "rpn_head.")) for name in names)


def renamed(state: Mapping[str, Tensor]) -> Renamed:
    """OpenTAD's names to the releases', and its shapes to theirs; the buffer is left out."""
    tensors: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for theirs, tensor in state.items():
        if theirs == LOSS_NORMALIZER:
            continue
        for name, value in _renamed(theirs, tensor).items():
            tensors[name], origin[name] = value, theirs
    return Renamed(tensors, origin, tuple(name for name in state if name == LOSS_NORMALIZER))


def warning(system: str, where: str) -> str:
    """That results will differ a little from OpenTAD's own, and by what.

    Args:
        system: its name.
        where: the file.
    """
    differences = (*DIFFERENCES, *OWN_DIFFERENCES.get(system, ()))
    return (
        f"{where} was trained with {NAME}; it is computed as in the release of {system}, where {NAME} "
        f"{', '.join(differences[:-1])}, and {differences[-1]}: results differ a little from {NAME}'s"
    )


def _renamed(theirs: str, tensor: Tensor) -> dict[str, Tensor]:
    """One tensor under its name in the releases."""
    if theirs.startswith(("projection.stem.", "projection.branch.")):
        inside, _, part = theirs.split(".", 3)[3].rpartition(".")
        is_norm = inside in _BLOCK_NORMS and part in ("weight", "bias")
        return {theirs.replace(*_BLOCKS, 1): released(tensor) if is_norm else tensor}
    return translate({theirs: tensor}, RULES).weights or {theirs: tensor}
