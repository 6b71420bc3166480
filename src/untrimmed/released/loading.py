"""Weights into a network, every tensor accounted for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from untrimmed.annotations.problems import first_few
from untrimmed.errors import InputError
from untrimmed.released.system import System
from untrimmed.released.translation import Rule, translate

#: Parts of names that no rule is about, and what such a checkpoint has that there is none of here.
_ELSEWHERE = {
    "backbone.proj.": "an input of several parts, each with a projection of its own",
    "rel_pe": "relative position codes",
    "neck.": "another neck than a norm of each level",
}


@dataclass(frozen=True)
class Named:
    """Weights by our names.

    Attributes:
        weights: the tensors, in our layouts.
        origin: for each the names in the file.
        unused: names in the file of tensors that the system itself makes nothing of.
        rules: of the system, which say what the release calls a tensor that the file lacks.
    """

    weights: dict[str, Tensor]
    origin: dict[str, list[str]]
    unused: list[str]
    rules: tuple[Rule, ...] = ()

    def release_name(self, ours: str) -> str:
        """What the release calls a tensor; our name where it has none."""
        return next((name for rule in self.rules if (name := rule.release_name(ours)) is not None), ours)


def translated(state: Mapping[str, Tensor], system: System, theirs: Mapping[str, str], where: str) -> Named:
    """Weights by our names.

    Args:
        state: tensors by the names of the release.
        system: by whose rules.
        theirs: what tensors are called in the file, where that is not the name of the release.
        where: the file, for errors.

    Raises:
        InputError: that names every tensor that no rule is about, that has not the axes it must have, that is
            not of finite numbers, or that differs from another which is the same here.
    """
    shown = {name: theirs.get(name, name) for name in state}
    rules = {name: rule for name in state if (rule := _rule(name, system)) is not None}
    if unmatched := [shown[name] for name in state if name not in rules]:
        raise InputError(
            f"{where} holds {tensors_named(unmatched)} that {system.name} does not have{_hint(unmatched)}"
        )
    ours = {name: mine for name, rule in rules.items() if (mine := rule.name(name)) is not None}
    used = {name: state[name] for name in ours}
    if wrong := [f"{shown[name]} {_shape(used[name])}" for name in used if not _fits(used[name], rules[name])]:
        raise InputError(f"{where} holds {tensors_named(wrong)} of another shape than in {system.name}")
    if broken := [shown[name] for name, tensor in used.items() if not _is_finite(tensor)]:
        raise InputError(
            f"{where} holds {tensors_named(broken)} of other than finite numbers; did training diverge?"
        )
    origin: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for name, mine in ours.items():
        origin.setdefault(mine.partition("[")[0], []).append(shown[name])
        if not torch.equal(used[name], used[first.setdefault(mine, name)]):
            pair = f"{shown[first[mine]]} and {shown[name]}"
            raise InputError(f"{where}: {pair} must be the same in {system.name}, but differ")
    unused = [shown[name] for name in state if name not in ours]
    return Named(translate(used, system.rules).weights, origin, unused, system.rules)


def load_strictly(network: nn.Module, named: Named, where: str, against: Sequence[str] = ()) -> None:
    """Load all weights.

    Args:
        network: what the recipe describes.
        named: the weights.
        where: the file, for errors.
        against: what the user changed in the network that the shapes describe, in words.

    Raises:
        InputError: that names every tensor that is missing or that the network has no place for, and the first
            few that differ in their shape.
    """
    expected = network.state_dict()
    missing = [name for name in expected if name not in named.weights]
    needless = [one for name in named.weights if name not in expected for one in named.origin[name]]
    shapes = [
        f"{', '.join(named.origin[name])} is {_shape(tensor)} here and must be {_shape(expected[name])} ({name})"
        for name, tensor in named.weights.items()
        if name in expected and tensor.shape != expected[name].shape
    ]
    parts = [
        *([f"it lacks {tensors_named(list(map(named.release_name, missing)))}"] if missing else []),
        *([f"the network has no place for {tensors_named(needless)}"] if needless else []),
        *([f"shapes differ: {first_few(shapes)}"] if shapes else []),
        *([f"leave out what was changed: {'; '.join(against)}"] if against else []),
    ]
    if missing or needless or shapes:
        raise InputError(f"{where} does not fit the network that the recipe describes: {'; '.join(parts)}")
    network.load_state_dict(named.weights)


def _rule(name: str, system: System) -> Rule | None:
    """The first rule that is about a tensor."""
    return next((rule for rule in system.rules if rule.pattern.fullmatch(name)), None)


def _fits(tensor: Tensor, rule: Rule) -> bool:
    """Whether a tensor has the axes that its layout expects."""
    try:
        rule.layout(tensor)
    except (IndexError, RuntimeError):
        return False
    return True


def _is_finite(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and bool(tensor.isfinite().all())


def _hint(names: list[str]) -> str:
    """What a checkpoint with such names has that there is none of here, where that is known."""
    found = [what for part, what in _ELSEWHERE.items() if any(part in name for name in names)]
    return f"; it has {' and '.join(found)}, which is not supported" if found else ""


def tensors_named(names: list[str]) -> str:
    """All of them, with their number; those of several blocks or levels together, as block.{0,1}.weight."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = re.search(r"(?<=\.)\d+(?=\.|$)", name)
        before, number, after = (name, "", "") if found is None else _around(name, found)
        numbers.setdefault((before, after), []).append(number)
    listed = [before + _together(found) + after for (before, after), found in numbers.items()]
    return f"{len(names)} tensor{'s' if len(names) > 1 else ''} ({', '.join(listed)})"


def _around(name: str, found: re.Match[str]) -> tuple[str, str, str]:
    return name[: found.start()], found[0], name[found.end() :]


def _together(numbers: list[str]) -> str:
    return numbers[0] if len(numbers) == 1 else "{" + ",".join(numbers) + "}"


def _shape(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.shape))})"
