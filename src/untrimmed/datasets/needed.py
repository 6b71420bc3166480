"""Which annotated videos a recipe needs: those that it learns from, validates on and is judged on."""

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.formats import read_annotations
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.config import Recipe
from untrimmed.evaluation.protocols import PROTOCOLS


def read_all(recipe: Recipe) -> Annotations:
    """The annotations that a recipe names; InputError where they cannot be read, or have errors."""
    data = recipe.data
    return read_annotations(data.annotations, label=data.label, videos=data.videos)


def needed_subsets(recipe: Recipe, annotations: Annotations) -> tuple[str, ...]:
    """The names, as the annotations write them, of the subsets that a recipe uses, in the order of the file.

    Without a protocol nothing says which subset is judged: then all are needed. Raises InputError, which lists
    the subsets, where the annotations lack one.
    """
    present = dict.fromkeys(annotations.videos.subsets)
    if recipe.evaluation.protocol is None:
        chosen_subset(annotations, recipe.data.training_subset)
        return tuple(present)
    judged = PROTOCOLS[recipe.evaluation.protocol].subset
    wanted = [recipe.data.training_subset, recipe.data.validation_subset, judged]
    for name in wanted:
        if name is not None:
            chosen_subset(annotations, name)
    known = {name.casefold() for name in wanted if name is not None}
    return tuple(name for name in present if name.casefold() in known)


def in_words(annotations: Annotations) -> str:
    """How many videos there are of each subset, as "200 Validation, 212 Test"."""
    subsets = annotations.videos.subsets
    return ", ".join(f"{subsets.count(name)} {name or 'of no subset'}" for name in dict.fromkeys(subsets))
