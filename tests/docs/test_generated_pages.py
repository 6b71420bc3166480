"""The pages that are made from the code are those that the code makes."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import typer

from untrimmed.cli import app
from untrimmed.recipes.keys import keys

DOCS = Path(__file__).parents[2] / "docs"


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["recipe_keys", "commands", "results"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    page = script(name)
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), f"make it anew: python docs/{name}.py"


def test_every_key_has_a_row_under_its_section() -> None:
    parts = script("recipe_keys").page().split("\n##")
    sections: dict[str, str] = {}
    for part in parts[1:]:
        name = part.splitlines()[0].lstrip("# ").partition(":")[0]
        sections[name] = sections.get(name, "") + part
    for key in keys():
        if key.section is None and len(key.path) > 1:
            assert f"\n| `{key.path[-1]}` |" in sections[".".join(key.path[:-1])]


def test_every_flag_of_every_command_has_a_row() -> None:
    page = script("commands").page()
    program = typer.main.get_command(app)
    commands = {**program.commands, **program.commands["annotations"].commands}  # type: ignore[attr-defined]
    for name, command in commands.items():
        if not hasattr(command, "commands"):
            part = page[page.index(f" {name}\n") :].split("\n## ")[0]
            for parameter in command.params:
                shown = parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar
                assert f"\n| `{shown}" in part
                assert parameter.help
