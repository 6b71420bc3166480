import subprocess
import sys

import pytest

# Eight times 24 megabytes, taken and freed: without the settings every one comes anew, page by page.
PROGRAM = """
import resource, torch
from untrimmed.memory import keep_freed_memory
if {keep}:
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(6_000_000); torch.ones(40_000_000)
before = faults()
for _ in range(8):
    torch.ones(6_000_000); torch.ones(20_000_000)
print(faults() - before)
"""


def page_faults(keep: bool) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(keep=keep)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="set on Linux alone")
def test_freed_memory_is_used_again() -> None:
    assert page_faults(keep=True) < page_faults(keep=False) / 4
