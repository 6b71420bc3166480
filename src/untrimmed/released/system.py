"""What must be known of a released system to use its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from untrimmed.recipes.loading import recipe_values
from untrimmed.recipes.merging import merge
from untrimmed.released.translation import Rule

Shapes = Mapping[str, tuple[int, ...]]
State = Mapping[str, Tensor]

#: The sections of a built-in recipe that tell of the system; the others tell of a benchmark.
_OF_THE_SYSTEM = ("model", "training", "detection")


def unchanged(state: State) -> State:
    """The same."""
    return state


@dataclass(frozen=True)
class System:
    """A released system.

    Attributes:
        name: as users write it.
        rules: of all its tensors.
        model: from the shapes of its tensors, by its own names, to the model section of a recipe (nested dicts),
            as far as shapes tell.
        recipe: the built-in one with its settings for THUMOS14, which say what shapes do not tell.
        besides: what that recipe does not say and its weights need, as nested dicts.
        prepared: to the tensors that `rules` and `model` are about, where values tell what shapes do not.
    """

    name: str
    rules: tuple[Rule, ...]
    model: Callable[[Shapes], dict[str, Any]]
    recipe: str
    besides: Mapping[str, Any] = field(default_factory=dict)
    prepared: Callable[[State], State] = unchanged

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Nested dicts: what its released configuration for THUMOS14 says of network, training and detection."""
        values = recipe_values(self.recipe)
        said: dict[str, Any] = merge({section: values[section] for section in _OF_THE_SYSTEM}, self.besides)
        return said
