"""ActionFormer (Zhang et al. 2022), as the authors released it."""

from typing import Any

from untrimmed.released.common import CLASS_HEAD, EMBEDDING, NORMS, common_model, count, output, trunk
from untrimmed.released.system import Shapes, System
from untrimmed.released.translation import Rule, depthwise, flat, matrix


def _block(theirs: str, ours: str) -> tuple[Rule, ...]:
    """Of the stem or of the branch."""
    projections = (
        rule
        for name in ("query", "key", "value")
        for rule in (
            Rule(f"{theirs}.attn.{name}_conv.conv.weight", f"{ours}.attention.{name}.weight", depthwise),
            Rule(f"{theirs}.attn.{name}_norm.{{p}}", f"{ours}.attention.{name}.norm.{{p}}", flat),
            *_linear(f"{theirs}.attn.{name}", f"{ours}.attention.{name}.linear"),
        )
    )
    return (
        *projections,
        Rule(f"{theirs}.ln1.{{p}}", f"{ours}.norm.{{p}}", flat),
        *_linear(f"{theirs}.attn.proj", f"{ours}.attention.output"),
        Rule(f"{theirs}.drop_path_attn.scale", f"{ours}.attention_path.scale", flat),
        Rule(f"{theirs}.ln2.{{p}}", f"{ours}.feed_forward_norm.{{p}}", flat),
        *_linear(f"{theirs}.mlp.0", f"{ours}.feed_forward.widen"),
        *_linear(f"{theirs}.mlp.3", f"{ours}.feed_forward.narrow"),
        Rule(f"{theirs}.drop_path_mlp.scale", f"{ours}.feed_forward_path.scale", flat),
    )


def _linear(theirs: str, ours: str) -> tuple[Rule, ...]:
    """A convolution of kernel 1."""
    return (Rule(f"{theirs}.weight", f"{ours}.weight", matrix), Rule(f"{theirs}.bias", f"{ours}.bias"))


def _model(shapes: Shapes) -> dict[str, Any]:
    channels = shapes["backbone.embd.0.conv.weight"][0]
    blocks = count(shapes, "backbone.stem.{i}.ln1.weight")
    hidden = shapes["backbone.stem.0.mlp.0.weight"][0]
    model = common_model(shapes)
    return model | {
        "encoder": {"kind": "transformer", "stem_blocks": blocks, "expansion": hidden // channels},
        "decoder": {"kind": "convolutional"} | model["decoder"],
    }


#: What its released configuration for THUMOS14 says.
_SETTINGS: dict[str, Any] = {
    "model": {
        "release_padding": {"length": 2304, "multiple": 576},
        "encoder": {"heads": 4, "window": 19, "dropout": 0.0, "drop_path": 0.1, "layer_scale": 1e-4},
    },
    "training": {
        "epochs": 35,
        "warmup_epochs": 5,
        "batch_size": 2,
        "learning_rate": 1e-4,
        "final_learning_rate": 1e-8,
        "weight_decay": 0.05,
        "clip_norm": 1.0,
        "average_decay": 0.999,
        "max_length": 2304,
        "crop_ratio": [0.9, 1.0],
        "truncation_threshold": 0.5,
        "input_noise": 0.0,
        "center_radius": 1.5,
        "loss": {
            "classification": "focal",
            "quality_power": 0.0,
            "regression": "diou",
            "regression_weight": 1.0,
            "initial_normalizer": 100,
        },
    },
    "detection": {
        "threshold": 0.001,
        "candidates_per_level": 2000,
        "min_steps": 0.05,
        "suppression": {
            "method": "soft",
            "per_class": True,
            "sigma": 0.5,
            "min_score": 0.001,
            "max_detections": 200,
            # Where detections of all classes compete, and with them vote.
            "voting_weight": "score_tiou",
        },
    },
}

ACTIONFORMER = System(
    name="actionformer",
    rules=(
        *EMBEDDING,
        *_block("backbone.stem.{i}", "encoder.stem.{i}"),
        *_block("backbone.branch.{i}", "encoder.branch.{i}"),
        *NORMS,
        *CLASS_HEAD,
        *trunk("reg_head", "decoder.distance_head.trunk"),
        *output("reg_head.offset_head", "decoder.distance_head.output"),
        Rule("reg_head.scale.{i}.scale", "decoder.distance_head.level_scale[{i}]"),
    ),
    model=_model,
    settings=_SETTINGS,
)
