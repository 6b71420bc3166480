"""ActionFormer (Zhang et al. 2022), as the authors released it."""

from typing import Any

from untrimmed.released.common import CLASS_HEAD, DISTANCE_HEAD, EMBEDDING, NORMS, common_model, count, dense
from untrimmed.released.system import Shapes, System
from untrimmed.released.translation import Rule, depthwise, flat


def _block(theirs: str, ours: str) -> tuple[Rule, ...]:
    """Of the stem or of the branch."""
    projections = (
        rule
        for name in ("query", "key", "value")
        for rule in (
            Rule(f"{theirs}.attn.{name}_conv.conv.weight", f"{ours}.attention.{name}.weight", depthwise),
            Rule(f"{theirs}.attn.{name}_norm.{{p}}", f"{ours}.attention.{name}.norm.{{p}}", flat),
            *dense(f"{theirs}.attn.{name}", f"{ours}.attention.{name}.linear"),
        )
    )
    return (
        *projections,
        Rule(f"{theirs}.ln1.{{p}}", f"{ours}.norm.{{p}}", flat),
        *dense(f"{theirs}.attn.proj", f"{ours}.attention.output"),
        Rule(f"{theirs}.drop_path_attn.scale", f"{ours}.attention_path.scale", flat),
        Rule(f"{theirs}.ln2.{{p}}", f"{ours}.feed_forward_norm.{{p}}", flat),
        *dense(f"{theirs}.mlp.0", f"{ours}.feed_forward.widen"),
        *dense(f"{theirs}.mlp.3", f"{ours}.feed_forward.narrow"),
        Rule(f"{theirs}.drop_path_mlp.scale", f"{ours}.feed_forward_path.scale", flat),
    )


def _model(shapes: Shapes) -> dict[str, Any]:
    channels = shapes["backbone.embd.0.conv.weight"][0]
    blocks = count(shapes, "backbone.stem.{i}.ln1.weight")
    hidden = shapes["backbone.stem.0.mlp.0.weight"][0]
    model = common_model(shapes)
    return model | {
        "encoder": {"kind": "transformer", "stem_blocks": blocks, "expansion": hidden // channels},
        "decoder": {"kind": "convolutional"} | model["decoder"],
    }


ACTIONFORMER = System(
    name="actionformer",
    rules=(
        *EMBEDDING,
        *_block("backbone.stem.{i}", "encoder.stem.{i}"),
        *_block("backbone.branch.{i}", "encoder.branch.{i}"),
        *NORMS,
        *CLASS_HEAD,
        *DISTANCE_HEAD,
    ),
    model=_model,
    recipe="thumos14-i3d-actionformer",
    # Where detections of all classes compete, and with them vote.
    besides={"detection": {"suppression": {"voting_weight": "score_tiou"}}},
)
