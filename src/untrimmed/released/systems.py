"""The released systems whose weights can be used, and how their checkpoints are told apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from untrimmed.errors import InputError
from untrimmed.recipes.mistakes import did_you_mean
from untrimmed.released.actionformer import ACTIONFORMER
from untrimmed.released.actionmamba import ACTIONMAMBA
from untrimmed.released.cltdr import CLTDR_GMG
from untrimmed.released.system import System
from untrimmed.released.temporalmaxer import TEMPORALMAXER
from untrimmed.released.tridet import TRIDET


@dataclass(frozen=True)
class Known:
    """A system, and by what its checkpoints are known.

    Attributes:
        system: the system.
        mark: a part of the names of its tensors that those of the systems after it do not have.
    """

    system: System
    mark: str


#: The first one whose mark is in a checkpoint is what it is of.
SYSTEMS: tuple[Known, ...] = (
    Known(CLTDR_GMG, "decls."),
    Known(ACTIONMAMBA, ".mamba."),
    Known(TRIDET, ".convkw."),
    Known(ACTIONFORMER, ".attn."),
    Known(TEMPORALMAXER, "backbone.embd."),
)


def choose(names: Iterable[str], given: str | None, where: str, known: Sequence[Known] = SYSTEMS) -> System:
    """The system that a checkpoint is of.

    Args:
        names: of its tensors, by the releases' names.
        given: the system that the user says it is of, None: whichever it looks like.
        where: the file, for messages.
        known: all systems.

    Raises:
        InputError: there is no such system, the checkpoint is of another one, or of none.
    """
    systems = {one.system.name: one.system for one in known}
    listed = ", ".join(systems)
    if given is not None and given not in systems:
        raise InputError(f"there is no system {given}: choose one of {listed}{did_you_mean(given, systems)}")
    names = list(names)
    marked = (one.system for one in known if any(one.mark in name for name in names))
    found = next(marked, None)
    if found is None:
        few = ", ".join(sorted(names)[:3])
        plural = "s" if len(names) > 1 else ""
        raise InputError(
            f"{where} holds no weights of {listed}; it has {len(names)} tensor{plural} such as {few}"
        )
    if given not in (None, found.name):
        raise InputError(
            f"{where} looks like a checkpoint of {found.name}, not of {given}: leave out --system, or give "
            "another file"
        )
    return found
