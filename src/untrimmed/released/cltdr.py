"""CLTDR-GMG (Li et al. 2025) as released: names and layouts of its tensors."""

from typing import Any

from untrimmed.errors import InputError
from untrimmed.released.common import (
    CLASS_HEAD,
    EMBEDDING,
    NORMS,
    common_model,
    count,
    dense,
    kernel_sizes,
    output,
    trunk,
)
from untrimmed.released.system import Shapes, System
from untrimmed.released.translation import Rule, depthwise, flat
from untrimmed.released.tridet import trident_head, trident_keys


def _block(theirs: str, ours: str) -> tuple[Rule, ...]:
    """A block of the encoder."""
    return (
        Rule(f"{theirs}.ln.{{p}}", f"{ours}.norm.{{p}}", flat),
        Rule(f"{theirs}.fc.{{p}}", f"{ours}.instant.{{p}}", flat),
        Rule(f"{theirs}.convw.weight", f"{ours}.local.weight", depthwise),
        Rule(f"{theirs}.convw.bias", f"{ours}.local.bias"),
        Rule(f"{theirs}.w1", f"{ours}.whole.first.weight"),
        Rule(f"{theirs}.b1", f"{ours}.whole.first.bias"),
        Rule(f"{theirs}.w2", f"{ours}.whole.second.weight"),
        Rule(f"{theirs}.b2", f"{ours}.whole.second.bias"),
        Rule(f"{theirs}.gn.{{p}}", f"{ours}.group_norm.{{p}}"),
        *dense(f"{theirs}.mlp.0", f"{ours}.feed_forward.widen"),
        *dense(f"{theirs}.mlp.2", f"{ours}.feed_forward.narrow"),
        Rule(f"{theirs}.drop_path_out.scale", f"{ours}.mix_path.scale", flat),
        Rule(f"{theirs}.drop_path_mlp.scale", f"{ours}.feed_forward_path.scale", flat),
    )


def _attention(theirs: str, resampling: str, ours: str) -> tuple[Rule, ...]:
    """What joins a level with one of its neighbours."""
    return (
        Rule(f"{theirs}.{resampling}.{{p}}", f"{ours}.resampling.{{p}}"),
        *dense(f"{theirs}.conv_l", f"{ours}.own"),
        *dense(f"{theirs}.attn.1", f"{ours}.attention"),
    )


def _model(shapes: Shapes) -> dict[str, Any]:
    """The model section, as far as shapes tell.

    Raises:
        InputError: if there is no Trident-head, or the blocks differ in a way that no recipe describes.
    """
    if "start_head.cls_head.conv.weight" not in shapes:
        raise InputError(
            "these weights of CLTDR-GMG have no start_head: give weights that were trained with "
            "use_trident_head: true"
        )
    common = common_model(shapes)
    kernel_size = _local_kernel_size(shapes)
    return common | {
        # What a longer sequence is padded to a multiple of.
        "release_padding": {"multiple": 2 ** (common["levels"] - 1) * kernel_size},
        "encoder": {
            "kind": "gmg",
            "variant": "release",
            "stem_blocks": count(shapes, "backbone.stem.{i}.w1"),
            "hidden": shapes["backbone.stem.0.mlp.0.weight"][0],
            "kernel_size": kernel_size,
        },
        "decoder": common["decoder"] | {"kind": "cltdr", "variant": "release", **trident_keys(shapes)},
    }


def _local_kernel_size(shapes: Shapes) -> int:
    """Steps that the local branch sees above the stem; 1 where there is nothing above it."""
    sizes = kernel_sizes(shapes, "backbone.branch.{i}.convw.weight")
    if len(sizes) > 1:
        raise InputError(
            f"these weights of CLTDR-GMG have local branches of {', '.join(map(str, sizes))} steps in different "
            "levels, which a recipe cannot say: give weights with one window (n_sgp_win_size) for all levels"
        )
    return sizes[0] if sizes else 1


CLTDR_GMG = System(
    name="cltdr-gmg",
    rules=(
        *EMBEDDING,
        *_block("backbone.stem.{i}", "encoder.stem.{i}"),
        *_block("backbone.branch.{i}", "encoder.branch.{i}"),
        *NORMS,
        *CLASS_HEAD,
        *trident_head("decoder.trident_head"),
        *_attention("decls", "contrans", "decoder.classification_features"),
        *_attention("dereg", "down", "decoder.regression_features"),
        Rule("cross_level.conv.{p}", "decoder.refinement_features.down.{p}"),
        Rule("cross_level.convtrans.{p}", "decoder.refinement_features.up.{p}"),
        *trunk("refineHead", "decoder.refine_head.trunk"),
        *output("refineHead.s_offset_head", "decoder.refine_head.start_output"),
        *output("refineHead.e_offset_head", "decoder.refine_head.end_output"),
        *output("refineHead.prob_head", "decoder.refine_head.class_output"),
        # Trained without a gradient, and multiplied with nothing.
        Rule("refineHead.scale.{i}.scale", None),
    ),
    model=_model,
    recipe="thumos14-i3d-release",
)
