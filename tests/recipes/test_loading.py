"""From files and changes to a recipe, and what is said of every mistake in them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrimmed.config import Recipe
from untrimmed.errors import InputError
from untrimmed.recipes.built_in import built_in
from untrimmed.recipes.keys import find_key
from untrimmed.recipes.loading import as_yaml, checked, find_recipe, load_recipe, read_values, recipe_values

ENCODERS = "gmg, transformer, max_pooling, sgp, mamba, ssd"
PLACES = ("data.annotations=a.json", "data.features=f")


def changed(*changes: str) -> Recipe:
    return load_recipe("demo", [*PLACES, *changes])


def mistake(*changes: str) -> str:
    with pytest.raises(InputError) as error:
        changed(*changes)
    return str(error.value)


def file_mistake(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_recipe(str(path))
    return str(error.value).replace(str(path), "mine.yaml")


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_recipe_loads_and_says_what_it_is(name: str) -> None:
    assert load_recipe(name, PLACES).data.annotations == Path("a.json")
    first = find_recipe(name).read_text().splitlines()[0]
    assert first.startswith("# ")
    assert first.endswith((".", ")."))


@pytest.mark.parametrize("name", built_in())
def test_every_key_of_a_built_in_recipe_exists(name: str) -> None:
    def places(values: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        return [
            place
            for key, value in values.items()
            for place in (places(value, (*above, key)) if isinstance(value, dict) else [(*above, key)])
        ]

    values = recipe_values(name)
    for place in places(read_values(find_recipe(name))):
        if place == ("base",):
            continue
        key = find_key(place, values)
        assert key is not None
        assert key.path == place


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("training.learning_rate=1e-3", 1e-3),
        ("training.learning_rate=5", 5.0),
        ("training.clip_norm=null", None),
        ("training.crop_ratio=[0.5,1]", (0.5, 1.0)),
        ("training.crop_ratio=[0.5, 1]", (0.5, 1.0)),
        ("training.seed=12", 12),
        ("data.raw=true", True),
        ("data.annotations=my folder/a.json", Path("my folder/a.json")),
        ("data.features=[my rgb, flow]", [Path("my rgb"), Path("flow")]),
        ("data.pattern={video}", "{video}"),
        ("data.pattern={video}-rgb", "{video}-rgb"),
        ("data.pattern=v_{video}", "v_{video}"),
        ("data.pattern=[{video}-rgb,v_{video}]", ["{video}-rgb", "v_{video}"]),
        ("data.key=[rgb,null]", ["rgb", None]),
        ('data.training_subset="2024"', "2024"),
        ("data.training_subset=a=b", "a=b"),
        ("evaluation.tiou=0.5:0.95:0.05", "0.5:0.95:0.05"),
        ("evaluation.tiou=0.5,0.75", "0.5,0.75"),
        ("training.epochs=${model.levels}", 5),
    ],
)
def test_a_change_on_the_command_line_is_read_as_yaml(text: str, value: object) -> None:
    found: Any = changed(text)
    for part in text.partition("=")[0].split("."):
        found = getattr(found, part)
    assert found == value


def test_changes_reach_as_deep_as_sections_do_and_leave_their_neighbours() -> None:
    before = changed()
    after = changed("model.encoder.hidden=7", "model.decoder={bins: 3}", "data.hold_out.folds=4")
    assert (after.model.encoder.hidden, after.model.decoder.bins) == (7, 3)
    assert after.model.decoder.head_channels == before.model.decoder.head_channels
    assert after.data.hold_out is not None
    assert after.data.hold_out.folds == 4


def test_the_last_of_several_changes_counts() -> None:
    assert changed("training.seed=1", "training.seed=2").training.seed == 2


def test_every_mistake_is_told_at_once() -> None:
    assert mistake(
        "model.chanels=1", "training.epochs=many", "data.raw=1", "training.loss=focal"
    ).splitlines() == [
        "demo has 4 mistakes:",
        "  data.raw is 1, but must be true or false",
        "  model.chanels is not a key of a recipe; did you mean model.channels?",
        '  training.epochs is "many", but must be a whole number at least 1',
        '  training.loss is "focal", but must be a section with keys such as classification, quality_power, '
        "regression",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("training.epochs=2.5", "training.epochs is 2.5, but must be a whole number at least 1"),
        ("training.epochs=true", "training.epochs is true, but must be a whole number at least 1"),
        ("training.epochs=0", "training.epochs is 0, but must be a whole number at least 1"),
        ("training.learning_rate=.inf", "training.learning_rate is Infinity, but must be a number above 0"),
        ("training.learning_rate=.nan", "training.learning_rate is NaN, but must be a number above 0"),
        ("training.loss.coarse_weight=2", "training.loss.coarse_weight is 2, but must be a number from 0 to 1"),
        (
            "training.loss.classification=varifokal",
            'training.loss.classification is "varifokal", but must be one of varifocal, focal, '
            "released_varifocal; did you mean varifocal?",
        ),
        (
            "model.encoder.kind=sgb",
            f'model.encoder.kind is "sgb", but must be one of {ENCODERS}; did you mean sgp?',
        ),
        ("model.encoder.kernel_size=4", "model.encoder.kernel_size: must be odd, but is 4"),
        *(
            (
                f"model.encoder={{kind: transformer, window: {window}}}",
                f"model.encoder.window is {window}, but must be a whole number at least 1 and odd or "
                "[a whole number at least 1 and odd or null, ...] or null",
            )
            for window in ("8", "[7, 8, null]", "0")
        ),
        (
            "training.crop_ratio=[0.5,2]",
            "training.crop_ratio is [0.5, 2], but must be [a number from 0 to 1, a number from 0 to 1] or null",
        ),
        ("data.features={a: 1}", 'data.features is {"a": 1}, but must be a path or [a path, ...]'),
        ("data.features.rgb=x", 'data.features is {"rgb": "x"}, but must be a path or [a path, ...]'),
        ("data.fps=[1,2]", "data.fps is [1, 2], but must be a number above 0 or null"),
        (
            "data.training_subset=2024",
            "data.training_subset is 2024, but must be text; put it in quotes to make it text",
        ),
        ("model=null", "model is null, but must be a section with keys such as channels, levels, padding"),
        ("epochs=3", "epochs is not a key of a recipe; did you mean training.epochs?"),
        ("training.levels=3", "training.levels is not a key of a recipe; did you mean model.levels?"),
        (
            "training.kernel_size=3",
            "training.kernel_size is not a key of a recipe; did you mean model.embedding.kernel_size or "
            "model.encoder.kernel_size or model.decoder.kernel_size?",
        ),
        ("modle.channels=32", "modle is not a key of a recipe; did you mean model?"),
        (
            "evaluation.nothing=1",
            "evaluation.nothing is not a key of a recipe; evaluation has the keys protocol, tiou",
        ),
        (
            "something=1",
            "something is not a key of a recipe; it has name, plugins, data, model, training, detection, "
            "evaluation",
        ),
        ("training.epochs=${nowhere}", "a ${...} in it leads nowhere: Interpolation key 'nowhere' not found"),
    ],
)
def test_a_mistake_names_the_key_what_was_given_and_what_is_allowed(change: str, sentence: str) -> None:
    assert mistake(change) == f"demo: {sentence}"


@pytest.mark.parametrize("change", ["training.epochs", "=3", "training.=3", ".epochs=3", "training..epochs=3"])
def test_a_change_needs_a_key_and_a_value(change: str) -> None:
    assert mistake(change) == f"{change!r} changes nothing in a recipe: write it as section.key=value"


def test_a_change_whose_value_is_broken_is_named() -> None:
    assert mistake("training.crop_ratio=[0.5") == (
        "the value of 'training.crop_ratio=[0.5' is not valid YAML; is a bracket or a quote not closed?"
    )


def test_what_a_recipe_leaves_to_its_user_must_be_given(tmp_path: Path) -> None:
    text = "data:\n  annotations: ???\n  features: ???\n"
    assert file_mistake(tmp_path, text).splitlines() == [
        "mine.yaml has 2 mistakes:",
        "  data.annotations is not set; give it in the file or as data.annotations=VALUE",
        "  data.features is not set; give it in the file or as data.features=VALUE",
    ]
    assert file_mistake(tmp_path, "model: {levels: 3}\n") == file_mistake(tmp_path, text)
    assert file_mistake(tmp_path, "") == file_mistake(tmp_path, text)
    assert load_recipe(str(tmp_path / "mine.yaml"), PLACES).data.features == Path("f")


def test_a_key_that_stands_twice_is_named_with_its_line(tmp_path: Path) -> None:
    text = "data:\n  annotations: a\n  features: f\n  annotations: b\n"
    assert file_mistake(tmp_path, text) == (
        "mine.yaml is not valid YAML at line 4, column 3: found duplicate key annotations"
    )


@pytest.mark.parametrize("text", ["- data\n- model\n", "data"])
def test_a_file_without_sections_is_no_recipe(tmp_path: Path, text: str) -> None:
    assert file_mistake(tmp_path, text) == (
        "mine.yaml is not a recipe: its top level must hold sections such as data and model"
    )


def test_a_section_with_a_single_value_is_a_mistake(tmp_path: Path) -> None:
    assert file_mistake(tmp_path, "data: 3\n") == (
        "mine.yaml: data is 3, but must be a section with keys such as annotations, features, pattern"
    )


def test_a_pattern_without_quotes_is_explained(tmp_path: Path) -> None:
    broken = file_mistake(tmp_path, "data:\n  pattern: {video}-rgb\n")
    assert broken.startswith("mine.yaml is not valid YAML at line 2, column ")
    assert broken.endswith("; put a value that begins with {video} in quotes")
    mapping = file_mistake(tmp_path, "data: {annotations: a, features: f, pattern: {video}}\n")
    assert mapping == (
        'mine.yaml: data.pattern is {"video": null}, but must be text or [text, ...]; put it in quotes to make '
        "it text"
    )


def test_no_code_in_a_recipe_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for tag in ("!!python/object/apply:os.system", "!!python/object/new:os.system"):
        assert "is not valid YAML" in file_mistake(tmp_path, f"data: {tag} ['touch ran']\n")
    assert not (tmp_path / "ran").exists()


def test_an_unknown_name_is_compared_with_the_built_in_recipes() -> None:
    with pytest.raises(
        InputError, match=r"there is no recipe hept: give a YAML file or .*; did you mean hapt\?$"
    ):
        load_recipe("hept")


def test_a_file_of_the_name_of_a_recipe_needs_its_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert find_recipe("demo") == built_in()["demo"]


def test_a_recipe_from_another_place_is_named_by_it() -> None:
    with pytest.raises(InputError, match=r"^the recipe in x: data.features is not set"):
        checked({"data": {"annotations": "a"}}, where="the recipe in x")
    with pytest.raises(InputError, match=r"^x: a recipe must hold sections such as data and model$"):
        checked([], where="x")


ranges = st.sampled_from([None, [[0.0, 4.0], [4.0, None]], [[0.0, 1e9], [0.5, 2.0]]])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rate=st.floats(1e-12, 1e3),
    crop=st.sampled_from([None, [0.25, 1.0]]),
    regression_ranges=ranges,
    features=st.sampled_from(["f", ["a b", "c: d"], ["???x"]]),
    pattern=st.sampled_from(["{video}", "{video}-rgb", ["v_{video}", "{video}"]]),
    subset=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1).filter(
        lambda text: "${" not in text and text != "???"
    ),
    hold_out=st.sampled_from([None, {"group": r"user\d+$"}]),
)
def test_a_written_recipe_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    rate: float,
    crop: list[float] | None,
    regression_ranges: list[list[float | None]] | None,
    features: str | list[str],
    pattern: str | list[str],
    subset: str,
    hold_out: dict[str, str] | None,
) -> None:
    recipe = Recipe.model_validate(
        {
            "data": {
                "annotations": "a.json",
                "features": features,
                "pattern": pattern,
                "training_subset": subset,
                "hold_out": hold_out,
            },
            "model": {"levels": 2},
            "training": {
                "seed": seed,
                "learning_rate": rate,
                "crop_ratio": crop,
                "regression_ranges": regression_ranges,
            },
        }
    )
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(as_yaml(recipe), encoding="utf-8")
    assert load_recipe(str(path)) == recipe
    assert checked(recipe.model_dump(mode="json"), where="x") == recipe


def test_a_recipe_stands_on_the_one_that_it_names_as_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("base: demo\ntraining: {epochs: 3}\n")
    Path("yours.yaml").write_text("base: mine.yaml\nmodel: {levels: 4}\n")
    yours, demo = load_recipe("yours.yaml"), load_recipe("demo")
    assert (yours.name, yours.training.epochs, yours.model.levels) == ("yours", 3, 4)
    assert (yours.data, yours.model.channels, yours.training.batch_size) == (
        demo.data,
        demo.model.channels,
        demo.training.batch_size,
    )


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("nothing", "there is no recipe nothing"),
        ("3", "mine.yaml: base must be the name of a recipe, or a YAML file"),
        ("mine.yaml", "mine.yaml: base leads in a circle: mine.yaml to mine.yaml"),
    ],
)
def test_a_base_that_is_no_other_recipe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(f"base: {base}\n")
    with pytest.raises(InputError) as caught:
        load_recipe("mine.yaml")
    assert str(caught.value).startswith(message)
