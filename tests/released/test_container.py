import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from untrimmed.errors import InputError
from untrimmed.released.container import read_weights

FIRST, SECOND = torch.arange(6.0).reshape(2, 3), torch.ones(4)


class Evil:
    """Leaves a file behind where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch executed",)


def saved(content: Any, folder: Path, name: str = "model.pth.tar") -> Path:
    torch.save(content, folder / name)
    return folder / name


def wrapped(scale: float = 1.0) -> dict[str, Tensor]:
    return {"module.a.weight": scale * FIRST, "module.b": scale * SECOND}


def test_averaged_weights_come_before_raw_ones_and_lose_their_prefix(tmp_path: Path) -> None:
    content = {"epoch": 3, "state_dict": wrapped(), "state_dict_ema": wrapped(2.0), "optimizer": {"state": {}}}
    read = read_weights(saved(content, tmp_path))
    assert read.described == "averaged weights (state_dict_ema)"
    assert list(read.tensors) == ["a.weight", "b"]
    assert torch.equal(read.tensors["a.weight"], 2 * FIRST)


@pytest.mark.parametrize("averaged", [{}, {"state_dict_ema": None}, {"state_dict_ema": {}}])
def test_raw_weights_are_taken_where_there_are_no_averaged_ones(averaged: dict[str, Any], tmp_path: Path) -> None:
    read = read_weights(saved({"state_dict": wrapped()} | averaged, tmp_path))
    assert read.described == "raw weights (state_dict)"
    assert torch.equal(read.tensors["b"], SECOND)


@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.safetensors"])
def test_a_bare_mapping_is_read_from_every_kind_of_file(name: str, tmp_path: Path) -> None:
    content = {"a.weight": FIRST, "b": SECOND}
    if name.endswith(".safetensors"):
        save_file(content, tmp_path / name)
    else:
        saved(content, tmp_path, name)
    read = read_weights(tmp_path / name)
    assert read.described == "weights"
    assert {key: value.tolist() for key, value in read.tensors.items()} == {
        "a.weight": FIRST.tolist(),
        "b": SECOND.tolist(),
    }


def test_files_from_before_zip_archives_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save({"state_dict_ema": wrapped()}, path, _use_new_zipfile_serialization=False)
    assert torch.equal(read_weights(path).tensors["b"], SECOND)


def test_a_prefix_of_only_some_names_is_a_part_of_them(tmp_path: Path) -> None:
    assert list(read_weights(saved({"module.a": FIRST, "b": SECOND}, tmp_path)).tensors) == ["module.a", "b"]


@pytest.mark.parametrize("score", [np.float64(0.5), np.float32(0.5), np.int64(3)])
@pytest.mark.parametrize("package", [b"numpy._core", b"numpy.core\n"])
def test_a_score_that_is_a_numpy_scalar_does_not_keep_a_checkpoint_from_being_read(
    score: Any, package: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "best.pth.tar"
    torch.save({"mAP": score, "state_dict_ema": wrapped()}, path, _use_new_zipfile_serialization=False)
    if package.endswith(b"\n"):  # as numpy 1 wrote it
        path.write_bytes(path.read_bytes().replace(b"numpy._core.", b"numpy.core."))
        assert b"numpy.core." in path.read_bytes()
    assert torch.equal(read_weights(path).tensors["b"], SECOND)


def test_what_may_be_named_here_may_not_be_named_elsewhere(tmp_path: Path) -> None:
    path = saved({"mAP": np.float64(0.5), "state_dict": wrapped()}, tmp_path)
    read_weights(path)
    with pytest.raises(pickle.UnpicklingError, match="scalar"):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_refused_and_not_executed(
    zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": wrapped(), "args": Evil()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"evil.pth is refused: it names '(posix|nt).system'"):
        read_weights(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError):
        read_weights(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_protocol_that_is_not_read_is_told_from_a_file_that_is_broken(
    zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    content = {"state_dict": wrapped(), "args": Evil()}
    torch.save(content, path, pickle_protocol=4, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"evil.pth is refused: .* without pickle_protocol$"):
        read_weights(path)
    assert not (tmp_path / "executed").exists()


def test_a_whole_pickled_network_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it names 'torch.nn.modules[\w.]*Linear'.*state_dict\(\) alone"):
        read_weights(saved(nn.Linear(2, 2), tmp_path))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["model.pth", "model.safetensors"])
def test_a_file_that_is_cut_short_is_told(name: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / name
    save_file({"a": FIRST}, path) if name.endswith(".safetensors") else torch.save({"a": FIRST}, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="is not a whole checkpoint"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([FIRST], "holds a list; expected a dict with state_dict_ema or state_dict"),
        ({}, "holds nothing"),
        ({"epoch": 3, "model": {"a": FIRST}}, "holds no weights, only epoch, model"),
        ({"state_dict": {"a": FIRST, "b": 3}}, "state_dict in .* holds what is no tensor: b"),
        ({"state_dict": [FIRST]}, "state_dict in .* is a list; expected a mapping"),
        ({"a": FIRST, "epoch": 3}, "holds what is no tensor: epoch"),
        ({1: FIRST}, "holds what is no tensor: 1"),
    ],
)
def test_what_holds_no_weights_is_refused_with_what_it_holds(content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_weights(saved(content, tmp_path))


def test_a_model_of_ours_needs_no_import(tmp_path: Path) -> None:
    save_file({"a": FIRST}, tmp_path / "ours.safetensors", metadata={"untrimmed": "{}"})
    with pytest.raises(InputError, match="is a model of untrimmed already"):
        read_weights(tmp_path / "ours.safetensors")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*none.pth: give a checkpoint"):
        read_weights(tmp_path / "none.pth")
