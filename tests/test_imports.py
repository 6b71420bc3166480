"""What importing costs, and what the package offers by name."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import untrimmed

#: Without pydantic, which typer itself loads when it reads the command line.
HEAVY = ("torch", "lightning", "numpy", "omegaconf", "rich", "matplotlib", "h5py", "safetensors")
WITHOUT_TORCH = (
    "untrimmed.annotations.formats",
    "untrimmed.annotations.summary",
    "untrimmed.features.opening",
    "untrimmed.features.survey",
    "untrimmed.evaluation.evaluator",
    "untrimmed.evaluation.tables",
    "untrimmed.detection.nms",
    "untrimmed.detection.detections",
    "untrimmed.detection.result_files",
    "untrimmed.config",
    "untrimmed.recipes.loading",
    "untrimmed.runs",
    "untrimmed.judging",
    "untrimmed.submissions.servers",
    "untrimmed.report.timelines",
    "untrimmed.datasets.checking",
    "untrimmed.datasets.listing",
    "untrimmed.datasets.synthesis",
    "untrimmed.report.results_page",
    "untrimmed.sweeping.sweep",
    "untrimmed.sweeping.local",
    "untrimmed.sweeping.cluster",
)


def loaded_after(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after running some code."""
    script = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}}, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import untrimmed").intersection({*HEAVY, "pydantic", "typer"})


@pytest.mark.parametrize("command", ["--help", "--version", "train --help", "sweep --help", "recipes"])
def test_what_only_informs_loads_nothing_heavy(command: str) -> None:
    code = (
        f"sys.argv = ['untrimmed', *{command.split()}]\n"
        "from untrimmed.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass"
    )
    assert not loaded_after(code).intersection(HEAVY)


def test_what_needs_no_network_loads_no_torch() -> None:
    loaded = loaded_after("\n".join(f"import {name}" for name in WITHOUT_TORCH))
    assert not loaded.intersection({"torch", "lightning", "matplotlib", "h5py"})


def test_a_type_checker_sees_every_name_that_is_offered_and_where_it_is() -> None:
    tree = ast.parse(Path(untrimmed.__file__).read_text())
    imports = {
        name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("untrimmed.")
        for name in node.names
    }
    assert sorted(imports) == sorted(untrimmed.__all__)
    for name, module in imports.items():
        assert getattr(untrimmed, name) is getattr(import_module(module), name)


def test_every_name_is_listed_before_it_is_used() -> None:
    code = "import untrimmed\nassert set(untrimmed.__all__) <= set(dir(untrimmed))"
    assert "torch" not in loaded_after(code)


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'untrimmed' has no attribute 'lode'"):
        untrimmed.lode  # type: ignore[attr-defined] # noqa: B018
