"""What commands run in that go wrong through no fault of what they are given: disks, permissions, packages."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import untrimmed

#: The user without any rights.
NOBODY = 65534


@contextmanager
def locked(world: Path) -> Iterator[None]:
    """A folder `locked` that may not be written, and a file `secret.csv` that may not be read.

    Root, who may do everything, is somebody else meanwhile.
    """
    (world / "locked").mkdir(mode=0o555)
    (world / "secret.csv").touch(mode=0o000)
    world.chmod(0o755)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        if not _is_readable(Path(untrimmed.__file__).parent):
            pytest.skip("the checkout lies where only root may read, and these tests run as somebody else")
        yield
    finally:
        if is_root:
            os.seteuid(0)


def _is_readable(folder: Path) -> bool:
    try:
        os.listdir(folder)
    except PermissionError:
        return False
    return True


@contextmanager
def small_disk(world: Path) -> Iterator[None]:
    """A folder `disk` with place for 64 KiB."""
    (world / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(world / "disk")], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk of 64 KiB can only be mounted by root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(world / "disk")], check=True)


@contextmanager
def full_disk(world: Path) -> Iterator[None]:
    """A folder `disk` in which no byte can be written."""
    with small_disk(world):
        with suppress(OSError), (world / "disk" / "filled").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield


@contextmanager
def file_limit(world: Path) -> Iterator[None]:
    """No file may be larger than 16 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def without(package: str) -> Iterator[None]:
    """As if a package were not installed."""
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is None:
            del sys.modules[package]
        else:
            sys.modules[package] = before
