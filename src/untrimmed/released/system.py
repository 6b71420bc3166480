"""What must be known of a released system to use its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from untrimmed.released.translation import Rule

Shapes = Mapping[str, tuple[int, ...]]


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
    """

    name: str
    rules: tuple[Rule, ...]
    model: Callable[[Shapes], dict[str, Any]]
    settings: Mapping[str, Any]
