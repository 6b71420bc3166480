"""From one level of a pyramid to the next."""

from collections.abc import Callable, Iterable

from torch import Tensor

from untrimmed.models.sequences import Padding, Pyramid

#: Level l (B, C, T_l), zero behind each sequence, and its padding to level l + 1, of which the same is true.
Ascent = Callable[[Tensor, Padding], Tensor]


def climb(x: Tensor, padding: Padding, ascents: Iterable[Ascent]) -> Pyramid:
    """The pyramid whose level 0 is x (B, C, T), and each further level what an ascent makes of the one below."""
    levels, paddings = [x], [padding]
    for ascend in ascents:
        levels.append(ascend(levels[-1], paddings[-1]))
        paddings.append(paddings[-1].halved())
    return Pyramid(tuple(levels), tuple(paddings))
