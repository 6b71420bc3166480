"""The recipe of an imported checkpoint: what its shapes tell, and from elsewhere what they do not."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from untrimmed.config import ModelSection, Recipe
from untrimmed.config.encoders import (
    EncoderSection,
    GMGSection,
    MaxPoolingSection,
    SGPSection,
    TransformerSection,
)
from untrimmed.recipes.keys import written
from untrimmed.recipes.loading import all_changes, checked, complete, recipe_values
from untrimmed.recipes.merging import merge
from untrimmed.runs import flat

logger = logging.getLogger(__name__)

#: Where nobody says where annotations and features are; feature files can be given to `detect` all the same.
PLACES = {"data": {"annotations": "annotations.json", "features": "features"}}
#: What counts for the weights of every release, where nobody says otherwise.
RELEASED = {"model": {"padding": "release"}}
#: Keys that no shape tells and that change what is detected, or, the ranges, what further training learns.
UNTOLD = (
    "data.fps",
    "data.stride",
    "data.window",
    "data.resample_to",
    "model.embedding.positions",
    "model.encoder.heads",
    "model.encoder.window",
    "model.release_padding.length",
    "model.release_padding.multiple",
    "training.regression_ranges",
    "detection.candidates_per_level",
    "detection.suppression.per_class",
    "detection.suppression.sigma",
    "detection.suppression.max_detections",
)


@dataclass(frozen=True)
class Sources:
    """Who says what of a recipe, as nested dicts; later ones count more.

    Attributes:
        settings: the system's released configuration.
        recipe: the user's, None without one.
        shapes: the checkpoint.
        changes: the user on the command line.
        name: of the user's recipe.
        follows: keys that follow from others, and from which, in words.
    """

    settings: Mapping[str, Any]
    recipe: Mapping[str, Any]
    shapes: Mapping[str, Any]
    changes: Mapping[str, Any]
    name: str | None
    follows: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str | None:
        """Who says a key, in words; None where nobody does and it has its default."""
        named = {
            "as given": self.changes,
            "told by the checkpoint": self.shapes,
            f"from the recipe {self.name}": self.recipe,
            "from the released configuration for THUMOS14": self.settings,
        }
        said = (words for words, values in named.items() if _says(values, key))
        return self.follows.get(key) or next(said, None)

    def untold(self, recipe: Recipe) -> list[str]:
        """A line for each key that the checkpoint does not tell: its value, and who says so."""
        values = flat(recipe.model_dump(mode="json"))
        return [
            f"{key}={written(values[key])} ({self.of(key) or _default(key)})"
            for key in UNTOLD
            if key in values and not _says(self.shapes, key) and _matters(key, recipe)
        ]

    def contradicted(self) -> list[str]:
        """A line for each key of which the user's recipe says something else than the checkpoint."""
        return self._otherwise(self.recipe, f"in the recipe {self.name}")

    def changed(self) -> list[str]:
        """A line for each key that the user changes on the command line, against the checkpoint."""
        return self._otherwise(self.changes, "as given")

    def _otherwise(self, values: Mapping[str, Any], where: str) -> list[str]:
        """A line for each key that the checkpoint tells and for which these values have another one."""
        told, said = flat(dict(self.shapes)), flat(dict(values))
        return [
            f"{key} is {written(told[key])} in the checkpoint and {written(said[key])} {where}"
            for key in told
            if key in said and said[key] != told[key]
        ]


def recipe_for(
    settings: Mapping[str, Any],
    shapes: dict[str, Any],
    *,
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    padding: str | None = None,
    where: str,
) -> tuple[Recipe, Sources]:
    """The recipe, and who says what of it.

    A recipe for another encoder or decoder says nothing of the model; its other sections count.

    Args:
        settings: the system's own, nested dicts.
        shapes: what the checkpoint tells, nested dicts with the section model.
        recipe: the name or file of the user's, None without one.
        overrides: `section.key=value`, on top of everything.
        padding: model.padding; None: what the recipe says, or release.
        where: the checkpoint, for errors.
    """
    own = dict(PLACES) if recipe is None else recipe_values(recipe)
    if not _same_kinds(own, shapes):
        if "model" in own:
            logger.warning("the recipe %s is for another encoder or decoder, so its model does not count", recipe)
        own = {key: part for key, part in own.items() if key != "model"}
    changes = all_changes(overrides)
    sources = Sources(settings, {} if recipe is None else own, shapes, changes, recipe)
    told = shapes if padding is None else merge(shapes, {"model": {"padding": padding}})
    values = merge(merge(merge(RELEASED, dict(settings)), own), told)
    said_in = f"the recipe of {where}" if recipe is None else f"{recipe}, for {where}"
    done = checked(complete(merge(values, changes), said_in), where=said_in)
    return _with_lengths(done, sources)


def padded_multiple(model: ModelSection) -> int | None:
    """To a multiple of what the release pads long sequences, None where the model does not say.

    The largest of what the levels ask for: their stride, times the window (for attention, the steps of two half
    windows) of blocks that look across more than one step.
    """
    encoder: EncoderSection = model.encoder
    highest = 1 << (model.levels - 1)
    if isinstance(encoder, TransformerSection):
        windows = encoder.window if isinstance(encoder.window, list) else [encoder.window] * model.levels
        return max(_chunk(window) << level for level, window in enumerate(windows))
    if isinstance(encoder, SGPSection | GMGSection):
        return highest * encoder.kernel_size
    return highest if isinstance(encoder, MaxPoolingSection) else None


def _chunk(window: int | None) -> int:
    return 1 if window is None or window <= 1 else 2 * (window // 2)


def _with_lengths(recipe: Recipe, sources: Sources) -> tuple[Recipe, Sources]:
    """With the padded lengths that follow from the training length and the windows, where nobody says them."""
    follow: dict[str, int] = {}
    follows: dict[str, str] = {}
    stated = merge(dict(sources.recipe), dict(sources.changes))
    if not _says(stated, "model.release_padding.length"):
        follow["length"] = recipe.training.max_length
        follows["model.release_padding.length"] = "as training.max_length"
    multiple = padded_multiple(recipe.model)
    if not _says(stated, "model.release_padding.multiple") and multiple is not None:
        follow["multiple"] = multiple
        follows["model.release_padding.multiple"] = "as levels and windows ask for"
    lengths = recipe.model.release_padding.model_copy(update=follow)
    model = recipe.model.model_copy(update={"release_padding": lengths})
    return recipe.model_copy(update={"model": model}), replace(sources, follows=follows)


def _same_kinds(recipe: Mapping[str, Any], shapes: Mapping[str, Any]) -> bool:
    """Whether a recipe is for the encoder and decoder of a checkpoint."""
    defaults = ModelSection()
    said = recipe.get("model")
    said = said if isinstance(said, dict) else {}
    return all(
        isinstance(said.get(part, {}), dict)
        and said.get(part, {}).get("kind", getattr(defaults, part).kind)
        == shapes["model"].get(part, {}).get("kind", getattr(defaults, part).kind)
        for part in ("encoder", "decoder")
    )


def _says(values: Mapping[str, Any], key: str) -> bool:
    """Whether nested dicts hold a dotted key, or something in its place."""
    part: Any = values
    for name in key.split("."):
        if not isinstance(part, Mapping):
            return True
        if name not in part:
            return False
        part = part[name]
    return True


def _matters(key: str, recipe: Recipe) -> bool:
    """Whether a key changes anything in this recipe."""
    if key.startswith("model.release_padding."):
        return recipe.model.padding == "release"
    # Elsewhere windows are shapes, and heads there are none.
    return not key.startswith("model.encoder.") or isinstance(recipe.model.encoder, TransformerSection)


def _default(key: str) -> str:
    if key == "data.fps":
        return "as the manifest beside the features says, or the annotations"
    return "as the manifest beside the features says" if key in ("data.stride", "data.window") else "the default"
