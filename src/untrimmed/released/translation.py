"""Names and layouts of the tensors in the authors' checkpoints to those of our networks."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

Layout = Callable[[Tensor], Tensor]


def as_it_is(tensor: Tensor) -> Tensor:
    """The same."""
    return tensor


def flat(tensor: Tensor) -> Tensor:
    """One value a channel, (1, C, 1) or (C, 1, 1) or (C,), to (C,)."""
    return tensor.reshape(-1)


def taps_first(tensor: Tensor) -> Tensor:
    """A convolution (outputs, inputs, K) to that of `RowConvolution` (K, inputs, outputs)."""
    return tensor.permute(2, 1, 0).contiguous()


def depthwise(tensor: Tensor) -> Tensor:
    """A depth-wise convolution (C, 1, K) to (C, K)."""
    return tensor.squeeze(1)


def matrix(tensor: Tensor) -> Tensor:
    """A convolution of kernel 1, (outputs, inputs, 1), to (outputs, inputs)."""
    return tensor.squeeze(2)


@dataclass(frozen=True)
class Rule:
    """What tensors of some names are called here.

    Attributes:
        theirs: with {i} for a number, {p} for weight or bias.
        ours: the same placeholders; if it ends with [{i}], all that the rule meets are stacked in that order.
            None: the system itself makes nothing of them.
        layout: their tensor to ours.
    """

    theirs: str
    ours: str | None
    layout: Layout = as_it_is

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of their names."""
        return _pattern(self.theirs)

    def matches(self, theirs: str) -> bool:
        """Whether the rule is about a tensor of this name."""
        return self.pattern.fullmatch(theirs) is not None

    def name(self, theirs: str) -> str | None:
        """What a tensor is called here; None if the rule is not about it, or nothing is made of it."""
        found = self.pattern.fullmatch(theirs)
        return None if found is None or self.ours is None else self.ours.format(**found.groupdict())

    def release_name(self, ours: str) -> str | None:
        """What a tensor of ours is called there, with {i} where it is several; None where not about it."""
        if self.ours is None:
            return None
        found = _pattern(self.ours.removesuffix("[{i}]")).fullmatch(ours)
        return None if found is None else self.theirs.format(**{"i": "{i}", **found.groupdict()})


def _pattern(name: str) -> re.Pattern[str]:
    """Of the names that {i} and {p} stand for."""
    escaped = re.escape(name).replace(r"\{i\}", r"(?P<i>\d+)").replace(r"\{p\}", r"(?P<p>weight|bias)")
    return re.compile(escaped)


@dataclass(frozen=True)
class Translated:
    """Weights under our names.

    Attributes:
        weights: by our names.
        unmatched: their names that no rule is about.
        unused: their names of which the system itself makes nothing.
    """

    weights: dict[str, Tensor]
    unmatched: tuple[str, ...]
    unused: tuple[str, ...] = ()


def translate(state: Mapping[str, Tensor], rules: Iterable[Rule]) -> Translated:
    """A checkpoint's tensors under our names and in our layouts, by the first rule that is about each."""
    rules = tuple(rules)
    weights: dict[str, Tensor] = {}
    unmatched, unused = [], []
    for theirs, tensor in state.items():
        rule = next((rule for rule in rules if rule.matches(theirs)), None)
        if rule is None:
            unmatched.append(theirs)
        elif (ours := rule.name(theirs)) is None:
            unused.append(theirs)
        else:
            weights[ours] = rule.layout(tensor)
    return Translated(_stacked(weights), tuple(unmatched), tuple(unused))


def _stacked(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With those whose names end with a number in brackets stacked."""
    done: dict[str, Tensor] = {}
    stacks: dict[str, dict[int, Tensor]] = {}
    for name, tensor in weights.items():
        stem, bracket, number = name.rstrip("]").partition("[")
        if bracket:
            stacks.setdefault(stem, {})[int(number)] = tensor
        else:
            done[name] = tensor
    return done | {stem: torch.stack([parts[i] for i in sorted(parts)]) for stem, parts in stacks.items()}
