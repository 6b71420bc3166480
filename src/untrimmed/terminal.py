"""How a command speaks to the one who typed it: messages, a log, progress, and Ctrl-C."""

import logging
import os
import signal
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import TextIOWrapper
    from types import FrameType

Item = TypeVar("Item")

#: What a shell expects of a program that Ctrl-C ended.
STOPPED = 130


def say(text: str) -> None:
    """A message, which is no result."""
    typer.echo(text, err=True)


def stop_once() -> None:
    """Let the first Ctrl-C stop what runs, the second not disturb the clean-up, and the third end it at once."""
    presses = count(1)

    def press(number: int, frame: "FrameType | None") -> None:
        which = next(presses)
        if which == 1:
            raise KeyboardInterrupt
        if which > 2:
            os._exit(STOPPED)

    signal.signal(signal.SIGINT, press)


def ignore_ctrl_c() -> None:
    """Let nothing disturb the end of the program.

    While Python shuts down it puts the system's own answer to Ctrl-C, death by signal, in the place of ours.
    What is ignored stays ignored.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Sentences(logging.Formatter):
    """What is logged, as a sentence: `warning: ...`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"


def log_to_stderr() -> None:
    """Show what is logged as sentences."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Sentences())
    logger = logging.getLogger("untrimmed")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _LazyFile(logging.FileHandler):
    """A file that is made, with its folder, when the first thing is logged.

    Where it cannot be written nothing is lost: the same is said on standard error.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self) -> "TextIOWrapper":
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing."""

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def log_to_file(path: Path) -> "Iterator[None]":
    """Also append what is logged to a file, with the time."""
    handler = _LazyFile(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("untrimmed")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def watched(doing: str, total: int | None = None) -> "Callable[[Iterable[Item]], Iterable[Item]]":
    """Shows in a terminal how far a loop is, and how long it will take."""

    def watch(items: "Iterable[Item]") -> "Iterable[Item]":
        from collections.abc import Sized

        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        count = len(items) if total is None and isinstance(items, Sized) else total
        return track(items, doing, count, console=console, transient=True, disable=not console.is_terminal)

    return watch
