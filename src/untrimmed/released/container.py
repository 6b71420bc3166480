"""The weights in a checkpoint of another program, read without executing anything in it.

The releases save a dict with `state_dict` and `state_dict_ema`, the running average of the weights that they
evaluate; the names in both begin with `module.`. A bare mapping of tensors is read as well.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from untrimmed.checkpoint import HEADER_KEY
from untrimmed.errors import InputError
from untrimmed.features.restricted_pickle import STAND_INS
from untrimmed.files import reason

#: Where weights lie in a checkpoint, the ones to be preferred first.
AVERAGED, RAW = "state_dict_ema", "state_dict"
#: What the names of a network begin with that was wrapped to run on several devices.
WRAPPED = "module."

#: In torch's words: the opcode FRAME, that a pickle of protocol 4 or 5 begins with.
_NEWER_PROTOCOL = f"Unsupported operand {pickle.FRAME[0]}"
_EXPECTED = f"expected a dict with {AVERAGED} or {RAW}, or a mapping of names to tensors"


@dataclass(frozen=True)
class Weights:
    """Tensors by the names of the program that saved them.

    Attributes:
        tensors: without `module.` before their names.
        source: the key of the checkpoint that they were under; None in a bare mapping.
    """

    tensors: dict[str, Tensor]
    source: str | None

    @property
    def described(self) -> str:
        """Which weights these are, in words."""
        kinds = {AVERAGED: f"averaged weights ({AVERAGED})", RAW: f"raw weights ({RAW})"}
        return "weights" if self.source is None else kinds[self.source]


def read_weights(path: Path) -> Weights:
    """The weights in a .pth, .pth.tar, .pt or .safetensors file, onto the CPU.

    Raises:
        InputError: there is no such file, it is broken, it names anything that may run code, or it holds no
            weights.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}: give a checkpoint (.pth, .pth.tar, .pt or .safetensors)")
    content = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_torch(path)
    source, tensors = _chosen(content, path)
    if all(name.startswith(WRAPPED) for name in tensors):
        tensors = {name.removeprefix(WRAPPED): tensor for name, tensor in tensors.items()}
    return Weights(tensors, source)


def _read_torch(path: Path) -> Any:
    """What torch.save wrote, if it is made of tensors and plain values."""
    # Best-of checkpoints hold a score as a NumPy scalar; records of our own stand for it, as for features.
    stand_ins: list[Any] = [(stand_in, f"{module}.{name}") for (module, name), stand_in in STAND_INS.items()]
    _require_readable(path)
    try:
        with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of files that it then refuses
            # Mapped, the state of the optimiser, twice as large as the weights, is never read.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # torch and pickle raise nearly anything
        if named := re.search(r"GLOBAL ([\w.]*\w)", str(error)):
            raise InputError(
                f"{path} is refused: it names {named.group(1)[:80]!r}, and only tensors and plain values are "
                "read, because any other name may run code; if you trust the file, load it with the program that "
                "wrote it, and save the model's state_dict() alone"
            ) from error
        if _NEWER_PROTOCOL in str(error):
            raise InputError(
                f"{path} is refused: it has a newer pickle protocol than torch.save writes by itself, which "
                "is not read; if you trust the file, load it with the program that wrote it, and save the "
                "model's state_dict() alone, without pickle_protocol"
            ) from error
        raise _broken(path) from error


def _require_readable(path: Path) -> None:
    """InputError with the system's words where a file cannot be read; torch has OSErrors of its own."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            if HEADER_KEY in (file.metadata() or {}):
                raise InputError(f"{path} is a model of untrimmed already: detect with it as it is")
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    except (SafetensorError, ValueError) as error:
        raise _broken(path) from error


def _chosen(content: Any, path: Path) -> tuple[str | None, dict[str, Tensor]]:
    """The weights to take of what a file holds, and the key they are under."""
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds a {type(content).__name__}; {_EXPECTED}")
    for source in (AVERAGED, RAW):
        if content.get(source):
            return source, _tensors(content[source], f"{source} in {path}")
    if not content:
        raise InputError(f"{path} holds nothing; {_EXPECTED}")
    if not any(isinstance(value, Tensor) for value in content.values()):
        listed = ", ".join(map(str, content))
        raise InputError(f"{path} holds no weights, only {listed}; {_EXPECTED}")
    return None, _tensors(content, str(path))


def _tensors(content: Any, where: str) -> dict[str, Tensor]:
    """The mapping, if it is one of names to tensors and nothing else."""
    if not isinstance(content, Mapping):
        raise InputError(f"{where} is a {type(content).__name__}; expected a mapping of names to tensors")
    others = [
        str(name) for name, value in content.items() if not (isinstance(value, Tensor) and type(name) is str)
    ]
    if others:
        raise InputError(f"{where} holds what is no tensor: {', '.join(others)}; save the weights alone")
    return dict(content)


def _broken(path: Path) -> InputError:
    return InputError(
        f"{path} is not a whole checkpoint: it may be cut short, or no file of torch.save or safetensors; copy "
        "it again"
    )
