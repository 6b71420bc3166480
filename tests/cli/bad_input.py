"""What a wrong command is: a row of docs/bad-input.md, and a test.

Commands run in a copy of the small world that `build_world` makes, with paths relative to it, so that their
messages can be told word for word.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from untrimmed.demo.task import write_task
from untrimmed.recipes.loading import load_recipe
from untrimmed.training.fit import train

#: Stands in an expected message for words that are not ours, such as those of a library or of the machine.
ANYTHING = "[...]"

TINY_RECIPE = """\
data:
  annotations: task/annotations.json
  features: task/features
model:
  channels: 16
  levels: 2
  encoder: {hidden: 16}
  decoder: {head_channels: 16}
training:
  epochs: 2
  warmup_epochs: 1
"""


DETECTIONS = """\
{"results": {
"sequence-004": [{"label": "rise", "score": 0.9, "segment": [1.0, 3.0]}],
"sequence-005": [{"label": "fall", "score": 0.8, "segment": [2.0, 5.0]}]
}}
"""


@dataclass(frozen=True)
class Case:
    """A command that cannot do what it is asked to.

    Attributes:
        wrong: what is wrong, for people.
        command: without `untrimmed` before it.
        message: the last that it says on standard error.
        code: the exit code.
        prepare: makes it wrong, in a copy of the world.
        around: what the command runs in; is given the copy of the world.
        writes: the files that it may write all the same.
    """

    wrong: str
    command: str
    message: str
    code: int = 2
    prepare: Callable[[Path], object] = lambda world: None
    around: Callable[[Path], AbstractContextManager[object]] = nullcontext
    writes: tuple[str, ...] = ()


def build_world(folder: Path) -> None:
    """A small task, a recipe for it, a run of that, and detections; the working directory is `folder`."""
    write_task(Path("task"), seed=0, training=3, held_out=2)
    Path("tiny.yaml").write_text(TINY_RECIPE)
    Path("detections.json").write_text(DETECTIONS)
    train(load_recipe("tiny.yaml"), Path("trained"))


def text(path: str, content: str | bytes) -> Callable[[Path], object]:
    """To write a file."""

    def prepare(world: Path) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        (world / path).parent.mkdir(parents=True, exist_ok=True)
        (world / path).write_bytes(data)

    return prepare


def cut(path: str, share: float = 0.5) -> Callable[[Path], object]:
    """To cut a file off."""

    def prepare(world: Path) -> None:
        data = (world / path).read_bytes()
        (world / path).write_bytes(data[: int(share * len(data))])

    return prepare


def changed(path: str, old: str, new: str) -> Callable[[Path], object]:
    """To replace some text of a file."""

    def prepare(world: Path) -> None:
        before = (world / path).read_text()
        assert old in before
        (world / path).write_text(before.replace(old, new))

    return prepare
