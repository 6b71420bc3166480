"""Files are written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from untrimmed.errors import InputError, UntrimmedError
from untrimmed.files import read_text, replacing, require_writable, write_text


def test_a_file_appears_with_its_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "Grüße\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "Grüße\n".encode()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.txt"]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
    assert path.read_text() == "new"


@pytest.mark.parametrize("failure", [RuntimeError("broken"), KeyboardInterrupt()])
def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fails_is_a_failure_and_no_wrong_input(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with (
        pytest.raises(UntrimmedError, match=r"a\.txt could not be written: no space left on device; make room"),
        replacing(path),
    ):
        raise OSError(28, os.strerror(28))
    assert not list(tmp_path.iterdir())


def test_an_output_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "ours.txt", "")
    (tmp_path / "plain.txt").write_text("")
    ours, plain = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours.txt", "plain.txt"))
    assert ours == plain


@pytest.mark.parametrize("write", [lambda path: write_text(path, ""), require_writable])
def test_a_place_that_cannot_be_written_is_wrong_input(tmp_path: Path, write: object) -> None:
    assert callable(write)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/a\.txt cannot be written: .*; choose another place"):
        write(tmp_path / "file" / "a.txt")
    with pytest.raises(InputError, match="is a folder; give the name of a file"):
        write(tmp_path)


def test_asking_whether_a_place_can_be_written_leaves_nothing_there(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "folder" / "a.txt")
    require_writable(str(tmp_path / "a.txt"))
    assert not list(tmp_path.iterdir())


def test_text_is_read_without_the_mark_that_windows_puts_before_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfabc")
    assert read_text(tmp_path / "a.txt") == "abc"


def test_text_in_another_encoding_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"Gr\xfc\xdfe")
    with pytest.raises(InputError, match=r"a\.txt is not UTF-8 text \(byte 2\); save it as UTF-8"):
        read_text(tmp_path / "a.txt")
