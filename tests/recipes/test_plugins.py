"""Which modules a recipe may have imported, where they are found, and what is said of those that cannot be."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from untrimmed.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from untrimmed.config.encoders import ENCODER_SECTIONS
from untrimmed.errors import InputError
from untrimmed.models.build import build_detector
from untrimmed.recipes.loading import load_recipe
from untrimmed.runs import recipe_of

pytestmark = pytest.mark.usefixtures("no_new_kinds")

#: An encoder KIND, with a key of its own.
MODULE = """\
from typing import Literal

from untrimmed.config.encoders import EncoderSection
from untrimmed.models.encoders.gmg import GMGEncoder
from untrimmed.plugins import add_encoder


class OwnSection(EncoderSection):
    kind: Literal["KIND"] = "KIND"
    width: int = 5


add_encoder(OwnSection, lambda own, model: GMGEncoder(model.channels, model.levels, hidden=own.width))
"""
RECIPE = """\
plugins: [MODULE]
data: {annotations: a.json, features: f}
model: {channels: 16, levels: 2, encoder: {kind: KIND, width: 7}, decoder: {head_channels: 16}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; what is to be imported lies elsewhere unless a test says so."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def write(folder: Path, module: str, kind: str, text: str = MODULE) -> Path:
    """A module of this name and a recipe that names it, both in a folder; the path of the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(text.replace("KIND", kind))
    path = folder / "mine.yaml"
    path.write_text(RECIPE.replace("MODULE", module).replace("KIND", kind))
    return path


def refused(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(InputError) as error:
        call(*arguments)
    return str(error.value)


def test_a_module_beside_the_recipe_is_found(folder: Path) -> None:
    path = write(folder / "recipes", "beside_it", "a_kind")
    assert load_recipe(str(path)).model.encoder.model_dump() == {"kind": "a_kind", "width": 7}


def test_a_module_in_the_working_directory_is_found(folder: Path) -> None:
    path = write(folder / "recipes", "in_the_directory", "a_kind")
    (folder / "recipes" / "in_the_directory.py").rename("in_the_directory.py")
    assert load_recipe(str(path)).model.encoder.kind == "a_kind"


def test_a_module_in_a_package_is_found(folder: Path) -> None:
    path = write(folder / "recipes", "package_of_mine.models", "a_kind")
    package = folder / "recipes" / "package_of_mine"
    package.mkdir()
    (package / "__init__.py").touch()
    (folder / "recipes" / "package_of_mine.models.py").rename(package / "models.py")
    assert load_recipe(str(path)).model.encoder.kind == "a_kind"


@pytest.mark.parametrize(
    "changes",
    [
        ("plugins=[named_there]", "model.encoder.kind=a_kind"),
        ("model.encoder.kind=a_kind", "plugins=[named_there]"),
    ],
)
def test_a_plugin_may_be_named_on_the_command_line_before_or_after_its_kind(changes: tuple[str, str]) -> None:
    write(Path(), "named_there", "a_kind")
    recipe = load_recipe("demo", ["data.annotations=a.json", "data.features=f", *changes])
    assert (recipe.plugins, recipe.model.encoder.model_dump()) == (
        ["named_there"],
        {"kind": "a_kind", "width": 5},
    )


def test_a_recipe_adds_its_plugins_to_those_of_its_base(folder: Path) -> None:
    base = write(folder / "base", "of_the_base", "a_kind")
    (folder / "of_the_other.py").write_text(MODULE.replace("KIND", "another_kind"))
    path = folder / "top.yaml"
    path.write_text(f"base: {base}\nplugins: [of_the_other, of_the_base]\n")
    recipe = load_recipe(str(path), ["model.levels=3"])
    assert recipe.plugins == ["of_the_base", "of_the_other"]
    assert recipe.model.encoder.kind == "a_kind"
    assert "another_kind" in ENCODER_SECTIONS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nowhere_at_all\n", "fails while it is imported at HERE:1: ModuleNotFoundError: No module named"),
        ("x = 1\n\ny = 1 / 0\n", "fails while it is imported at HERE:3: ZeroDivisionError: division by zero"),
        ("def x(:\n", "fails while it is imported at HERE:1: SyntaxError: "),
        ("raise SystemExit(3)\n", "fails while it is imported at HERE:1: SystemExit: 3"),
        (MODULE.replace("KIND", "sgp"), "fails while it is imported at HERE:13: ValueError: the kind sgp of "),
    ],
)
def test_a_plugin_that_fails_is_named_with_the_line(folder: Path, text: str, said: str) -> None:
    path = write(folder, "failing_one", "a_kind", text)
    message = refused(load_recipe, str(path))
    assert message.startswith(
        f"{path}: the plugin failing_one {said.replace('HERE', str(folder / 'failing_one.py'))}"
    )
    assert "\n" not in message


def test_a_plugin_that_is_nowhere_is_named(folder: Path) -> None:
    path = write(folder, "not_there", "a_kind")
    (folder / "not_there.py").unlink()
    assert refused(load_recipe, str(path)) == (
        f"{path}: there is no module not_there for the plugin not_there; install its package, or put its file "
        "into the working directory"
    )


@pytest.mark.parametrize("name", ["./own.py", "own.py", "own-encoder", "a/b", "", "..own", "1own"])
def test_a_plugin_is_named_as_modules_are(folder: Path, name: str) -> None:
    path = folder / "mine.yaml"
    path.write_text(f"plugins: ['{name}']\n")
    assert refused(load_recipe, str(path)).startswith(f"{path}: {name!r} is no plugin: name the module")


@pytest.mark.parametrize("plugins", ["mine", "[3]", "{a: 1}"])
def test_plugins_are_a_list_of_names(folder: Path, plugins: str) -> None:
    path = folder / "mine.yaml"
    path.write_text(f"plugins: {plugins}\ndata: {{annotations: a, features: f}}\n")
    assert "but must be [text, ...]" in refused(load_recipe, str(path))


def test_an_installed_module_that_hides_ones_own_is_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(folder, "json", "a_kind")
    with caplog.at_level(logging.WARNING):
        assert 'model.encoder.kind is "a_kind", but must be one of ' in refused(load_recipe, str(path))
    assert caplog.messages[0].startswith("the plugin json is ")
    assert caplog.messages[0].endswith(f"hides {folder / 'json.py'}; rename one of them")


def test_a_module_beside_the_built_in_recipes_is_none_of_a_users() -> None:
    assert refused(load_recipe, "demo", ["plugins=[mistakes]"]).startswith("demo: there is no module mistakes")


@pytest.fixture
def model(folder: Path) -> Path:
    """A run folder of a model whose encoder is from the module `of_a_stranger`, not imported yet."""
    recipe = load_recipe(str(write(folder / "stranger", "before_that", "a_kind")))
    recipe = recipe.model_copy(update={"plugins": ["of_a_stranger"]})
    run = folder / "run"
    run.mkdir()
    detector = build_detector(recipe.model, input_dim=4, classes=2)
    save_checkpoint(Checkpoint(detector, recipe, ("a", "b"), 4), run / "last.safetensors")
    (run / "recipe.yaml").write_text(RECIPE.replace("MODULE", "of_a_stranger").replace("KIND", "a_kind"))
    del ENCODER_SECTIONS["a_kind"]
    for place in (Path(), run):
        (place / "of_a_stranger.py").write_text(
            f"{MODULE.replace('KIND', 'a_kind')}\nopen('ran', 'a').write('x')\n"
        )
    return run


@pytest.mark.parametrize("read", [load_checkpoint, recipe_of])
def test_a_model_of_a_stranger_has_nothing_imported_unasked(model: Path, read: Callable[..., Any]) -> None:
    message = refused(read, model)
    assert message.endswith(
        "needs the plugin of_a_stranger (model.encoder.kind is a_kind); to import it is to run it, so say that "
        'you trust it: --plugin of_a_stranger, or in Python plugins=["of_a_stranger"]'
    )
    assert not Path("ran").exists()
    assert "a_kind" not in ENCODER_SECTIONS


@pytest.mark.parametrize("read", [load_checkpoint, recipe_of])
def test_a_plugin_that_the_user_names_is_imported(model: Path, read: Callable[..., Any]) -> None:
    found = read(model, ["of_a_stranger"])
    recipe = found.recipe if isinstance(found, Checkpoint) else found
    assert (recipe.model.encoder.kind, recipe.model.encoder.width) == ("a_kind", 7)
    assert Path("ran").read_text() == "x"


def test_a_module_of_another_name_may_add_the_kind(model: Path) -> None:
    Path("of_a_stranger.py").rename("now_called_so.py")
    assert load_checkpoint(model, ["now_called_so"]).recipe.plugins == ["of_a_stranger"]


def test_what_was_imported_before_needs_no_leave(model: Path) -> None:
    load_checkpoint(model, ["of_a_stranger"])
    load_checkpoint(model)
    assert Path("ran").read_text() == "x"


def test_a_package_that_declares_a_plugin_is_imported_for_models_that_name_it(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = folder / "site"
    declared = site / "strangers_package-1.0.dist-info"
    declared.mkdir(parents=True)
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers-package\nVersion: 1.0\n")
    (declared / "entry_points.txt").write_text("[untrimmed.plugins]\nanything = of_a_stranger\n")
    Path("of_a_stranger.py").rename(site / "of_a_stranger.py")
    monkeypatch.syspath_prepend(site)
    assert load_checkpoint(model).recipe.model.encoder.kind == "a_kind"


def test_a_model_of_built_in_kinds_has_nothing_imported_whatever_it_names(folder: Path) -> None:
    recipe = load_recipe("demo", ["data.annotations=a.json", "data.features=f", "model.channels=16"])
    recipe = recipe.model_copy(update={"plugins": ["antigravity"]})
    path = folder / "model.safetensors"
    detector = build_detector(recipe.model, input_dim=4, classes=2)
    save_checkpoint(Checkpoint(detector, recipe, ("a", "b"), 4), path)
    assert load_checkpoint(path).recipe.plugins == ["antigravity"]
