"""TemporalMaxer (Tang et al. 2023)."""

import re
from typing import Any

import torch

from untrimmed.released.common import CLASS_HEAD, DISTANCE_HEAD, EMBEDDING, NORMS, common_model
from untrimmed.released.system import Shapes, State, System
from untrimmed.released.translation import Rule, flat

#: What the one norm of all levels is called, once it is there only once.
SHARED = "neck.fpn_norm"
OF_LEVEL = re.compile(r"neck\.fpn_norms\.\d+\.(weight|bias)")


def with_shared_norm(state: State) -> State:
    """With the norm of the pyramid once, where all levels have the same.

    The release makes one norm and registers it at every level, so that a checkpoint holds it L times. Norms that
    differ, as OpenTAD trains them, stay as they are.
    """
    of_levels: dict[str, list[str]] = {}
    for name in state:
        if found := OF_LEVEL.fullmatch(name):
            of_levels.setdefault(found[1], []).append(name)
    if not of_levels or not all(_all_equal([state[name] for name in names]) for names in of_levels.values()):
        return state
    kept = {name: tensor for name, tensor in state.items() if not OF_LEVEL.fullmatch(name)}
    return kept | {f"{SHARED}.{part}": state[names[0]] for part, names in of_levels.items()}


def _all_equal(tensors: list[torch.Tensor]) -> bool:
    return len(tensors) > 1 and all(torch.equal(tensor, tensors[0]) for tensor in tensors)


def _model(shapes: Shapes) -> dict[str, Any]:
    model = common_model(shapes)
    norm = "layer" if "neck.fpn_norms.0.weight" in shapes else "group"
    return model | {
        "norm": "shared_layer" if f"{SHARED}.weight" in shapes else norm,
        "encoder": {"kind": "max_pooling"},
        "decoder": model["decoder"] | {"kind": "convolutional"},
    }


TEMPORALMAXER = System(
    name="temporalmaxer",
    rules=(
        *EMBEDDING,
        *NORMS,
        Rule(f"{SHARED}.{{p}}", "decoder.norms.{p}", flat),
        *CLASS_HEAD,
        *DISTANCE_HEAD,
    ),
    model=_model,
    recipe="thumos14-i3d-temporalmaxer",
    besides={"detection": {"suppression": {"voting_weight": "score_tiou"}}},
    prepared=with_shared_norm,
)
