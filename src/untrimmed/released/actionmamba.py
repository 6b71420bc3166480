"""ActionMamba (Chen et al. 2024), as the authors released it."""

from typing import Any

from untrimmed.released.common import CLASS_HEAD, EMBEDDING, NORMS, common_model, count, output, trunk
from untrimmed.released.system import Shapes, System
from untrimmed.released.translation import Rule, depthwise, flat


def _block(theirs: str, ours: str) -> tuple[Rule, ...]:
    """Of the stem or of the branch."""
    mixer, recurrence = f"{ours}.mixer", f"{ours}.mixer.recurrence"
    return (
        Rule(f"{theirs}.norm.{{p}}", f"{ours}.norm.{{p}}"),
        Rule(f"{theirs}.mamba.in_proj.weight", f"{mixer}.project_in.weight"),
        Rule(f"{theirs}.mamba.conv1d.weight", f"{mixer}.convolution.weight", depthwise),
        Rule(f"{theirs}.mamba.conv1d.bias", f"{mixer}.convolution.bias"),
        Rule(f"{theirs}.mamba.x_proj.weight", f"{recurrence}.select.weight"),
        Rule(f"{theirs}.mamba.dt_proj.{{p}}", f"{recurrence}.step.{{p}}"),
        Rule(f"{theirs}.mamba.A_log", f"{recurrence}.log_rate"),
        Rule(f"{theirs}.mamba.D", f"{recurrence}.skip"),
        Rule(f"{theirs}.mamba.out_proj.weight", f"{mixer}.project_out.weight"),
        Rule(f"{theirs}.drop_path.scale", f"{ours}.path.scale", flat),
    )


def _model(shapes: Shapes) -> dict[str, Any]:
    model = common_model(shapes)
    return model | {
        "encoder": {
            "kind": "mamba",
            "stem_blocks": count(shapes, "backbone.stem.{i}.mamba.A_log"),
            "states": shapes["backbone.stem.0.mamba.A_log"][1],
            "window": shapes["backbone.stem.0.mamba.conv1d.weight"][2],
        },
        "decoder": {"kind": "convolutional"} | model["decoder"],
    }


#: What its released configuration for THUMOS14 says.
_SETTINGS: dict[str, Any] = {
    "model": {
        # As if it had ActionFormer's windows of 19 steps, which it has not.
        "release_padding": {"length": 2304, "multiple": 576},
        # Its configuration says a drop path of 0.1, which its code does not pass on.
        "encoder": {"drop_path": 0.3, "layer_scale": 1e-4},
    },
    "training": {
        "epochs": 50,
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
            "voting_weight": "score",
        },
    },
}

ACTIONMAMBA = System(
    name="actionmamba",
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
