import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference outputs and real recordings that lies beside the repository."""
    folder = Path(os.environ.get("UNTRIMMED_SHARED", Path(__file__).parents[1].parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: set UNTRIMMED_SHARED to the folder that holds parity/ and data/")
    return folder
