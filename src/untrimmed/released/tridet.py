"""TriDet (Shi et al. 2023) as released: names and layouts of its tensors."""

from collections.abc import Iterable
from fractions import Fraction
from math import floor
from typing import Any

import torch
from torch import Tensor

from untrimmed.errors import InputError
from untrimmed.models.encoders.sgp import wide_kernel_size
from untrimmed.released.common import (
    CLASS_HEAD,
    EMBEDDING,
    NORMS,
    class_head,
    common_model,
    count,
    kernel_sizes,
    trunk,
)
from untrimmed.released.system import Shapes, System
from untrimmed.released.translation import Rule, depthwise, flat, matrix, taps_first


def _start_bins_reversed(tensor: Tensor) -> Tensor:
    """2 (B + 1) outputs, of which the first half tells of starts, the farthest bin first; here the nearest is."""
    start, end = tensor.chunk(2)
    return torch.cat((start.flip(0), end))


def _bins(tensor: Tensor) -> Tensor:
    """The convolution (2 (B + 1), inputs, K) that tells of the bins to ours."""
    return taps_first(_start_bins_reversed(tensor))


def trident_head(ours: str) -> tuple[Rule, ...]:
    """The Trident-head: its centre, start and end heads."""
    return (
        *class_head("start_head", f"{ours}.start"),
        *class_head("end_head", f"{ours}.end"),
        *trunk("reg_head", f"{ours}.trunk"),
        Rule("reg_head.offset_head.conv.weight", f"{ours}.bins.convolution.weight", _bins),
        Rule("reg_head.offset_head.conv.bias", f"{ours}.bins.convolution.bias", _start_bins_reversed),
        Rule("reg_head.scale.{i}.scale", f"{ours}.level_scale[{{i}}]"),
    )


def _block(theirs: str, ours: str) -> tuple[Rule, ...]:
    """A block of the encoder."""
    by_step = {"fc": "instant", "global_fc": "instant_gate"}
    by_window = {"psi": "window_gate", "convw": "narrow", "convkw": "wide"}
    linear = {"mlp.0": "feed_forward.widen", "mlp.2": "feed_forward.narrow"}
    paths = {"drop_path_out": "mix_path", "drop_path_mlp": "feed_forward_path"}
    layouts = ((by_step, flat), (by_window, depthwise), (linear, matrix))
    return (
        Rule(f"{theirs}.ln.{{p}}", f"{ours}.norm.{{p}}", flat),
        Rule(f"{theirs}.gn.{{p}}", f"{ours}.group_norm.{{p}}"),
        *(
            rule
            for names, layout in layouts
            for their_layer, our_layer in names.items()
            for rule in (
                Rule(f"{theirs}.{their_layer}.weight", f"{ours}.{our_layer}.weight", layout),
                Rule(f"{theirs}.{their_layer}.bias", f"{ours}.{our_layer}.bias"),
            )
        ),
        *(Rule(f"{theirs}.{path}.scale", f"{ours}.{our_path}.scale", flat) for path, our_path in paths.items()),
    )


def _model(shapes: Shapes) -> dict[str, Any]:
    """The model section, as far as shapes tell.

    Raises:
        InputError: if there is no Trident-head, or blocks have windows that no recipe describes.
    """
    if "start_head.cls_head.conv.weight" not in shapes or "end_head.cls_head.conv.weight" not in shapes:
        raise InputError(
            "these weights of TriDet have no start_head and end_head: give weights that were trained with "
            "use_trident_head: true"
        )
    common = common_model(shapes)
    window = _window(shapes)
    return common | {
        # What a longer sequence is padded to a multiple of: the most steps that a level's windows take in.
        "release_padding": {"multiple": 2 ** (common["levels"] - 1) * window},
        "encoder": {
            "kind": "sgp",
            "stem_blocks": count(shapes, "backbone.stem.{i}.psi.weight"),
            "hidden": shapes["backbone.stem.0.mlp.0.weight"][0],
            "kernel_size": window,
            "window_factor": _window_factor(shapes, window),
        },
        "decoder": common["decoder"] | {"kind": "trident", **trident_keys(shapes)},
    }


def trident_keys(shapes: Shapes) -> dict[str, int]:
    """What the shapes of a Trident-head tell of the decoder section."""
    return {
        "bins": shapes["reg_head.offset_head.conv.weight"][0] // 2 - 1,
        "boundary_kernel_size": shapes["start_head.cls_head.conv.weight"][2],
    }


def _window(shapes: Shapes) -> int:
    """w, of all levels above the stem; 1 where there are none."""
    windows = kernel_sizes(shapes, "backbone.branch.{i}.convw.weight")
    if len(windows) > 1:
        raise InputError(
            f"these weights of TriDet have windows of {_listed(windows)} steps in different levels, which a "
            "recipe cannot say: give weights with one window (n_sgp_win_size) for all levels"
        )
    return windows[0] if windows else 1


def _window_factor(shapes: Shapes, window: int) -> float:
    """k, with as few decimals as make the wide windows of stem and branch what they are."""
    wanted = [(1, width) for width in kernel_sizes(shapes, "backbone.stem.{i}.convkw.weight")]
    wanted += [(window, width) for width in kernel_sizes(shapes, "backbone.branch.{i}.convkw.weight")]
    # Whatever lies in here gives all of them; the ends do if they are rounded that way.
    least = max(Fraction(2 * width - 3, 2 * (narrow + 1)) for narrow, width in wanted)
    most = min(Fraction(2 * width + 1, 2 * (narrow + 1)) for narrow, width in wanted)
    middle = (least + most) / 2
    for scale in (1, 10, 100, 1000):
        factor = floor(middle * scale + Fraction(1, 2)) / scale
        if factor > 0 and all(wide_kernel_size(narrow, factor) == width for narrow, width in wanted):
            return factor
    raise InputError(
        f"these weights of TriDet have wide windows of {_listed({width for _, width in wanted})} steps, which no "
        "single factor makes of their narrow ones: give weights with one factor (k) for all levels"
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


TRIDET = System(
    name="tridet",
    rules=(
        *EMBEDDING,
        *_block("backbone.stem.{i}", "encoder.stem.{i}"),
        *_block("backbone.branch.{i}", "encoder.branch.{i}"),
        *NORMS,
        *CLASS_HEAD,
        *trident_head("decoder.trident_head"),
    ),
    model=_model,
    recipe="thumos14-i3d-tridet-release",
)
