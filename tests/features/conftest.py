import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from untrimmed.features.opening import open_features
from untrimmed.features.store import FeatureStore

Save = Callable[..., Path]


@pytest.fixture(scope="session")
def save() -> Save:
    """save(path, array) writes one feature file; the extension tells the format."""

    def write(path: Path, array: NDArray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        match path.suffix:
            case ".npy":
                np.save(path, array)
            case ".npz":
                np.savez(path, feats=array)
            case ".pt" | ".pth":
                import torch

                torch.save(torch.from_numpy(array), path)
            case ".pkl":
                path.write_bytes(pickle.dumps(array))
            case ".safetensors":
                from safetensors.numpy import save_file

                save_file({"feats": np.ascontiguousarray(array)}, path)
            case ".h5" | ".hdf5":
                h5py = pytest.importorskip("h5py")
                with h5py.File(path, "w") as file:
                    file["feats"] = array
        return path

    return write


@pytest.fixture
def opened() -> Callable[..., FeatureStore]:
    """opened(path, ...) is open_features with the grid of THUMOS14's I3D features at 30 frames a second."""

    def open_with_grid(paths, **options) -> FeatureStore:
        return open_features(paths, **{"fps": 30.0, "stride": 4, "window": 16, **options})

    return open_with_grid
