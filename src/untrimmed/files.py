"""Writing files so that a reader never meets half of one, and reading text."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from untrimmed.errors import InputError, UntrimmedError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when not.

    Directories above `path` are made. Raises InputError where the place cannot be written at all, and
    UntrimmedError where writing fails later, as on a full disk: what `path` held is then as it was.
    """
    path = Path(path)
    temporary = _temporary_beside(path)
    try:
        yield temporary
        # mkstemp makes files private; an output should have the permissions that open() would have given it.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise UntrimmedError(
            f"{path} could not be written: {reason(error)}; make room, or choose another place (what was there "
            "before is unchanged)"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path | str) -> None:
    """InputError where `path` could not be written; to be asked before long work, and leaves nothing behind."""
    path = Path(path)
    above = next((folder for folder in path.parents if folder.exists()), Path())
    _refuse_folder(path)
    try:
        handle, name = tempfile.mkstemp(dir=above, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    Path(name).unlink()


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_text(path: Path | str) -> str:
    """The text of a UTF-8 file without its byte-order mark; InputError with the reason where it has none."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def reason(error: OSError) -> str:
    """The operating system's words for an error, in lower case and without the path."""
    return (error.strerror or str(error)).lower()


def _temporary_beside(path: Path) -> Path:
    _refuse_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    return Path(name)


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {reason(error)}; choose another place")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
