"""features.yaml: what was extracted into a folder, written beside the files."""

import difflib
import math
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any

from untrimmed.errors import InputError
from untrimmed.files import read_text, write_text

FILE_NAME = "features.yaml"


@dataclass(frozen=True)
class Manifest:
    """What the features of a folder are; None where the file does not say.

    Attributes:
        fps: frames (or samples of a signal) per second of what was encoded.
        stride: frames from one vector to the next.
        window: frames that one vector sees.
        dimension: values a step in a file.
        encoder: the name of what made them.
    """

    fps: float | None = None
    stride: float | None = None
    window: float | None = None
    dimension: int | None = None
    encoder: str | None = None


KEYS = tuple(field.name for field in fields(Manifest))


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of `folder`, or None where it has none; InputError that lists all that is wrong in it."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    content = _load(path)
    problems = [_problem(key, value) for key, value in content.items()]
    wrong = [problem for problem in problems if problem is not None]
    if wrong:
        raise InputError(f"{path}: " + "; ".join(wrong))
    return Manifest(**content)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what `manifest` says, in the order of its attributes, to features.yaml in `folder`."""
    from omegaconf import OmegaConf

    said = {key: value for key, value in asdict(manifest).items() if value is not None}
    write_text(folder / FILE_NAME, OmegaConf.to_yaml(OmegaConf.create(said)))


def _load(path: Path) -> dict[str, Any]:
    # OmegaConf reads 1e-3 as a number and refuses a key that stands twice; PyYAML alone does neither.
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    text = read_text(path)
    try:
        config = OmegaConf.load(StringIO(text))
        content = OmegaConf.to_container(config, resolve=False)
    except (YAMLError, OmegaConfBaseException, OSError) as error:  # OSError: neither keys nor a list
        cause = " ".join(str(error).split())
        raise InputError(f"{path} is not valid YAML: {cause}") from error
    if not isinstance(config, DictConfig) or not isinstance(content, dict):
        raise InputError(f"{path} must hold lines such as fps: 30; its keys are {', '.join(KEYS)}")
    # A text of one word is read as a key without a value.
    return {str(key): value for key, value in content.items()}


def _problem(key: str, value: Any) -> str | None:
    """What is wrong with an entry, or None."""
    if key not in KEYS:
        close = difflib.get_close_matches(key, KEYS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(KEYS)}"
        return f"the key {key!r} is unknown; {hint}"
    if value is None:
        return None
    if key == "encoder":
        return None if isinstance(value, str) else f"encoder is {value!r}, but must be a name"
    if key == "dimension":
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return None if whole else f"dimension is {value!r}, but must be a whole number above 0"
    lowest = "at least 0" if key == "window" else "above 0"
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    allowed = number and (value >= 0 if key == "window" else value > 0)
    return None if allowed else f"{key} is {value!r}, but must be a number {lowest}"
