"""The authors' weights give what they gave in the authors' code."""

from pathlib import Path

import pytest
from released_systems import CASES, Outputs

TOLERANCE = 1e-5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_quantity_is_that_of_the_release(case, shared: Path) -> None:
    errors = Outputs(case, shared / "parity").errors()
    assert {quantity: error for quantity, error in errors.items() if error > TOLERANCE} == {}
