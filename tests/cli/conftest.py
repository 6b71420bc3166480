import shutil
import sys
from pathlib import Path

import pytest

# The cases of wrong input are shared by a test and by the script that writes the page; pytest's importlib mode
# does not find what lies beside a test.
sys.path.insert(0, str(Path(__file__).parent))

from bad_input import build_world


@pytest.fixture(scope="session")
def first_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "world"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build_world(folder)
    return folder


@pytest.fixture
def world(first_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small world for one test, which is its working directory."""
    copy = tmp_path / "world"
    shutil.copytree(first_world, copy)
    monkeypatch.chdir(copy)
    return copy
