"""ActionMamba (Chen et al. 2024), as the authors released it."""

from typing import Any

from untrimmed.released.common import CLASS_HEAD, DISTANCE_HEAD, EMBEDDING, NORMS, common_model, count
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


ACTIONMAMBA = System(
    name="actionmamba",
    rules=(
        *EMBEDDING,
        *_block("backbone.stem.{i}", "encoder.stem.{i}"),
        *_block("backbone.branch.{i}", "encoder.branch.{i}"),
        *NORMS,
        *CLASS_HEAD,
        *DISTANCE_HEAD,
    ),
    model=_model,
    recipe="thumos14-internvideo2-actionmamba",
    # As if it had ActionFormer's windows of 19 steps, which it has not.
    besides={"model": {"release_padding": {"multiple": 576}}},
)
