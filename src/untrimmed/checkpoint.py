"""A trained detector as one file: weights, recipe, class names, dimension, and the version that wrote it.

The file is safetensors; what is not a weight is JSON in its header. Nothing in it is executed, and a module that
its recipe names as a plugin is imported only if the user allows it (`recipes.plugins`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from untrimmed import __version__
from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.files import reason, replacing
from untrimmed.models.build import build_detector
from untrimmed.models.detector import ActionDetector
from untrimmed.recipes.loading import checked
from untrimmed.recipes.plugins import admit_plugins

#: The key of the header under which all of ours lies, and the form it is in.
HEADER_KEY = "untrimmed"
FORM = 1


@dataclass(frozen=True)
class Checkpoint:
    """A detector and what is needed to use it.

    Attributes:
        detector: the network, in evaluation mode when loaded.
        recipe: the whole recipe it was trained with.
        classes: K names, in the order of its logits.
        input_dim: D, the dimension of a feature vector.
        version: of untrimmed that wrote the file.
    """

    detector: ActionDetector
    recipe: Recipe
    classes: tuple[str, ...]
    input_dim: int
    version: str = __version__


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file, whole or not at all."""
    from safetensors.torch import save

    header = {
        "form": FORM,
        "version": checkpoint.version,
        "recipe": checkpoint.recipe.model_dump(mode="json"),
        "classes": list(checkpoint.classes),
        "input_dim": checkpoint.input_dim,
    }
    weights = {
        name: value.detach().cpu().contiguous() for name, value in checkpoint.detector.state_dict().items()
    }
    # In memory first: safetensors' own writing does not say why it failed, such as on a full disk.
    content = save(weights, metadata={HEADER_KEY: json.dumps(header, allow_nan=False)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def load_checkpoint(path: Path | str, plugins: Sequence[str] = ()) -> Checkpoint:
    """Read a checkpoint, or the last one of a run folder, onto the CPU.

    Args:
        path: of the file or the folder.
        plugins: modules to import, which add the encoder or decoder of the model.

    Raises:
        InputError: if there is none, or it is not whole, not ours, or of a form that this version cannot read;
            it needs a plugin that is not among these.
    """
    path = find_checkpoint(Path(path))
    header, weights = _read(path)
    if not isinstance(header, dict):
        raise _broken(path)
    if header.get("form") != FORM:
        raise InputError(
            f"{path} was written by untrimmed {header.get('version')} in a form that untrimmed {__version__} "
            "cannot read; use that version, or train again"
        )
    if not _is_complete(header):
        raise _broken(path)
    where = f"the recipe in {path}"
    admit_plugins(header["recipe"], plugins, where)
    recipe = checked(header["recipe"], where)
    classes = tuple(header["classes"])
    detector = build_detector(recipe.model, input_dim=header["input_dim"], classes=len(classes))
    try:
        detector.load_state_dict(weights)
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise InputError(f"the weights in {path} do not fit the recipe in it: {detail}") from error
    return Checkpoint(detector.eval(), recipe, classes, header["input_dim"], header["version"])


def find_checkpoint(path: Path) -> Path:
    """The checkpoint itself, or that of the last epoch in a run folder."""
    if path.is_dir():
        last = path / "last.safetensors"
        if not last.is_file():
            raise InputError(f"{path} holds no last.safetensors; has the training in it finished an epoch?")
        return last
    if not path.is_file():
        raise InputError(f"there is no model {path}: give a run folder or a .safetensors file")
    if path.suffix != ".safetensors":
        raise InputError(f"{path} is not a model of untrimmed: give a run folder or a .safetensors file")
    return path


def _read(path: Path) -> tuple[Any, dict[str, Any]]:
    """The header as it stands in the file, and the weights."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(HEADER_KEY)
            if header is None:
                raise InputError(f"{path} is a safetensors file, but not a model of untrimmed; give a run folder")
            return json.loads(header), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    except (SafetensorError, ValueError) as error:
        raise _broken(path) from error


def _is_complete(header: dict[str, Any]) -> bool:
    """Whether everything that `save_checkpoint` writes is there, and of its type."""
    classes = header.get("classes")
    return (
        isinstance(header.get("recipe"), dict)
        and isinstance(classes, list)
        and all(isinstance(name, str) for name in classes)
        and len(classes) > 0
        and type(header.get("input_dim")) is int
        and header["input_dim"] > 0
        and isinstance(header.get("version"), str)
    )


def _broken(path: Path) -> InputError:
    return InputError(f"{path} is not a whole model file; copy it again, or train again")
