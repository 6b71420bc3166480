"""The parts of a data set, by name."""

from untrimmed.annotations.annotations import Annotations
from untrimmed.errors import InputError


def chosen_subset(annotations: Annotations, name: str) -> Annotations:
    """The videos of a subset, upper or lower case; InputError, which lists the subsets, where it has none."""
    chosen = annotations.subset(name)
    if len(chosen.videos) == 0:
        known = ", ".join(f'"{subset}"' for subset in sorted(set(annotations.videos.subsets))) or "none"
        raise InputError(f'the annotations have no subset "{name}"; theirs are: {known}')
    return chosen
