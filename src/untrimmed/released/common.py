"""What the released systems have in common: names, and what their shapes tell."""

from typing import Any

from untrimmed.released.system import Shapes
from untrimmed.released.translation import Rule, flat, matrix, taps_first


def trunk(theirs: str, ours: str) -> tuple[Rule, ...]:
    """The convolutions of a head but for the last, and their norms."""
    return (
        Rule(f"{theirs}.head.{{i}}.conv.weight", f"{ours}.convolutions.{{i}}.weight", taps_first),
        Rule(f"{theirs}.norm.{{i}}.{{p}}", f"{ours}.norms.{{i}}.{{p}}", flat),
    )


def output(theirs: str, ours: str) -> tuple[Rule, ...]:
    """The last convolution of a head."""
    return (
        Rule(f"{theirs}.conv.weight", f"{ours}.convolution.weight", taps_first),
        Rule(f"{theirs}.conv.bias", f"{ours}.convolution.bias"),
    )


def dense(theirs: str, ours: str) -> tuple[Rule, ...]:
    """A convolution of kernel 1."""
    return (Rule(f"{theirs}.weight", f"{ours}.weight", matrix), Rule(f"{theirs}.bias", f"{ours}.bias"))


def class_head(theirs: str, ours: str) -> tuple[Rule, ...]:
    """A whole head with one output a class."""
    return (*trunk(theirs, f"{ours}.trunk"), *output(f"{theirs}.cls_head", f"{ours}.output"))


EMBEDDING = (
    Rule("backbone.embd.{i}.conv.weight", "embedding.trunk.convolutions.{i}.weight", taps_first),
    Rule("backbone.embd_norm.{i}.{p}", "embedding.trunk.norms.{i}.{p}", flat),
)
NORMS = (Rule("neck.fpn_norms.{i}.{p}", "decoder.norms.{i}.{p}", flat),)
CLASS_HEAD = class_head("cls_head", "decoder.class_head")
DISTANCE_HEAD = (
    *trunk("reg_head", "decoder.distance_head.trunk"),
    *output("reg_head.offset_head", "decoder.distance_head.output"),
    Rule("reg_head.scale.{i}.scale", "decoder.distance_head.level_scale[{i}]"),
)


def input_dim(shapes: Shapes) -> int:
    """D."""
    return shapes["backbone.embd.0.conv.weight"][1]


def classes(shapes: Shapes) -> int:
    """K."""
    return shapes["cls_head.cls_head.conv.weight"][0]


def count(shapes: Shapes, name: str) -> int:
    """How many tensors have this name, with {i} for their number."""
    return len(_of_name(shapes, name))


def kernel_sizes(shapes: Shapes, name: str) -> list[int]:
    """The different ones of the convolutions of this name, with {i} for their number, in order."""
    return sorted({shape[2] for shape in _of_name(shapes, name)})


def _of_name(shapes: Shapes, name: str) -> list[tuple[int, ...]]:
    rule = Rule(name, "")
    return [shape for theirs, shape in shapes.items() if rule.matches(theirs)]


def common_model(shapes: Shapes) -> dict[str, Any]:
    """Width, levels and embedding, and what every decoder has."""
    channels, _, kernel_size = shapes["backbone.embd.0.conv.weight"]
    head_channels, _, head_kernel_size = shapes["cls_head.head.0.conv.weight"]
    return {
        "channels": channels,
        "levels": count(shapes, "reg_head.scale.{i}.scale"),
        "embedding": {"kernel_size": kernel_size, "layers": count(shapes, "backbone.embd.{i}.conv.weight")},
        "decoder": {
            "head_channels": head_channels,
            "kernel_size": head_kernel_size,
            "layers": count(shapes, "cls_head.head.{i}.conv.weight") + 1,
        },
    }
