"""What must be known of a released system to use its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from untrimmed.released.translation import Rule

Shapes = Mapping[str, tuple[int, ...]]
State = Mapping[str, Tensor]


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
        settings: other keys of a recipe, as nested dicts, that the system has in its released configurations and
            shapes do not tell.
        prepared: to the tensors that `rules` and `model` are about, where values tell what shapes do not.
    """

    name: str
    rules: tuple[Rule, ...]
    model: Callable[[Shapes], dict[str, Any]]
    settings: Mapping[str, Any]
    prepared: Callable[[State], State] = unchanged
