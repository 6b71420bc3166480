"""The catalogue of benchmarks as text."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import fill

from untrimmed.config import Recipe
from untrimmed.datasets.catalogue import DATASETS, Dataset, FeatureSet
from untrimmed.errors import InputError
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.recipes.loading import load_recipe
from untrimmed.recipes.mistakes import did_you_mean

WIDTH = 110
INDENT = "  "


def overview() -> str:
    """All benchmarks, and all feature sets that there are recipes for, a line each."""
    datasets: list[tuple[str, ...]] = [("data set", "classes", "training", "judged", "hours")]
    datasets += [
        (one.name, one.classes, _short(one.training), _short(one.judged), _short(one.hours)) for one in DATASETS
    ]
    features: list[tuple[str, ...]] = [("recipe", "dimension", "fps", "stride", "window", "steps", "encoder")]
    features += [_row(one) for dataset in DATASETS for one in dataset.features]
    return "\n".join(
        [
            *_aligned(datasets),
            "",
            *_aligned(features),
            "",
            "`untrimmed datasets list NAME`, of a data set or a recipe, says where everything is to be had.",
        ]
    )


def details(name: str) -> str:
    """All that is known of a data set, or of that of a recipe; InputError where there is none of that name."""
    dataset = _find(name)
    protocol = PROTOCOLS[dataset.name]
    facts = [
        ("classes", dataset.classes),
        ("training", dataset.training),
        ("judged", f"{dataset.judged} (subset {protocol.subset}; mAP at tIoU {protocol.tiou})"),
        ("hours", dataset.hours),
        ("annotations", dataset.annotations),
        ("to be had", dataset.source),
        ("licence", dataset.licence),
        ("note", dataset.note),
    ]
    parts = [f"{dataset.title} ({dataset.name})", *_lines(facts)]
    for one in dataset.features:
        parts += ["", one.recipe, *_lines(_facts(one))]
    return "\n".join(parts)


def _find(name: str) -> Dataset:
    # A recipe that stands on another, such as thumos14-i3d-release, is of the same features.
    for dataset in DATASETS:
        if name == dataset.name or f"{name}-".startswith(tuple(f"{one.recipe}-" for one in dataset.features)):
            return dataset
    names = [dataset.name for dataset in DATASETS]
    known = [*names, *(one.recipe for dataset in DATASETS for one in dataset.features)]
    raise InputError(
        f"there is no data set {name}: give one of {', '.join(names)}, or a recipe of one"
        f"{did_you_mean(name, known)}"
    )


def _facts(features: FeatureSet) -> Iterator[tuple[str, str]]:
    recipe = load_recipe(features.recipe)
    data = recipe.data
    yield "encoder", features.encoder
    yield "vectors", _vectors(recipe)
    yield "files", features.files
    yield "to be had", features.source
    yield "note", features.note
    yield "annotations in", str(data.annotations) + (f", frame rates in {data.videos}" if data.videos else "")
    yield "features in", str(data.features)
    yield "scores in", str(recipe.detection.video_scores or "")


def _vectors(recipe: Recipe) -> str:
    """When the vectors of a recipe are, in words."""
    data = recipe.data
    rate = "each video's own rate" if data.fps is None else f"{data.fps:g} frames a second"
    stretched = "" if data.resample_to is None else f"; stretched to {data.resample_to} steps when they are read"
    return f"{data.dimension} values; stride {data.stride:g}, window {data.window:g} frames, at {rate}{stretched}"


def _row(features: FeatureSet) -> tuple[str, ...]:
    data = load_recipe(features.recipe).data
    return (
        features.recipe,
        str(data.dimension),
        "own" if data.fps is None else f"{data.fps:g}",
        f"{data.stride:g}",
        f"{data.window:g}",
        "own" if data.resample_to is None else str(data.resample_to),
        features.encoder,
    )


def _short(text: str) -> str:
    """Without what stands in brackets."""
    return text.split(" (")[0]


def _lines(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The facts that there are, in lines of at most WIDTH characters; links are not broken."""
    for name, fact in facts:
        if fact:
            head = f"{INDENT}{name.ljust(16)}"
            yield fill(
                fact,
                WIDTH,
                initial_indent=head,
                subsequent_indent=" " * len(head),
                break_long_words=False,
                break_on_hyphens=False,
            )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
