import pytest

from untrimmed.datasets.catalogue import DATASETS
from untrimmed.datasets.listing import WIDTH, details, overview
from untrimmed.errors import InputError
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.recipes.built_in import built_in
from untrimmed.recipes.loading import load_recipe, read_values

FEATURES = [(dataset, one) for dataset in DATASETS for one in dataset.features]


def test_every_protocol_is_a_data_set_under_its_title() -> None:
    assert {one.name: one.title for one in DATASETS} == {name: one.title for name, one in PROTOCOLS.items()}


def test_every_recipe_of_a_benchmark_is_listed_once_under_its_data_set() -> None:
    of_benchmarks = {
        name: protocol
        for name, path in built_in().items()
        if "base" not in read_values(path) and (protocol := load_recipe_protocol(name)) is not None
    }
    assert {one.recipe: dataset.name for dataset, one in FEATURES} == of_benchmarks
    assert len(FEATURES) == len(of_benchmarks)


def load_recipe_protocol(name: str) -> str | None:
    changes = ["data.annotations=a.json", "data.features=f"] if name in ("hapt", "demo") else []
    return load_recipe(name, changes).evaluation.protocol


@pytest.mark.parametrize(("dataset", "features"), FEATURES, ids=[one.recipe for _, one in FEATURES])
def test_the_files_are_named_and_shaped_as_the_recipe_reads_them(dataset: object, features: object) -> None:
    data = load_recipe(features.recipe).data  # type: ignore[attr-defined]
    name, _, shape = features.files.partition(", ")  # type: ignore[attr-defined]
    assert name.split(".")[0] == str(data.pattern).replace("{video}", "VIDEO")
    assert f"(T, {data.dimension})" in shape
    if data.key is not None:
        assert f"its array {data.key} (" in shape


def test_the_overview_is_no_wider_than_a_wide_terminal() -> None:
    lines = overview().splitlines()
    assert max(map(len, lines)) <= 120
    for dataset, one in FEATURES:
        assert any(line.startswith(f"{dataset.name} ") for line in lines)
        assert any(line.startswith(f"{one.recipe} ") for line in lines)


@pytest.mark.parametrize("name", ["epic-kitchens-100", "epic-noun-slowfast", "epic-verb-slowfast-release"])
def test_details_are_those_of_a_data_set_or_of_that_of_a_recipe(name: str) -> None:
    text = details(name)
    assert text.startswith("EPIC-KITCHENS-100 (epic-kitchens-100)\n")
    assert "\nepic-verb-slowfast\n" in text
    assert "2304 values; stride 16, window 32 frames, at 30 frames a second\n" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "CC BY-NC 4.0" in text


def test_details_say_what_a_recipe_looks_for_where() -> None:
    assert "features in     data/activitynet13/tsp_features\n" in details("activitynet-tsp")
    assert "stretched to 192 steps" in " ".join(details("activitynet13").split())


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(
        InputError, match=r"there is no data set hac: give one of thumos14, .*; did you mean hacs\?"
    ):
        details("hac")
