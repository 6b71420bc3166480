"""The recipes of the benchmarks against the paper (supplementary C and D), and the release's where it differs."""

import pytest

from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.recipes.built_in import built_in
from untrimmed.recipes.loading import load_recipe

#: dimension, stride, window, levels, bins, epochs, warm-up epochs, batch, learning rate, weight decay, protocol.
PAPER = {
    "thumos14-i3d": (2048, 4, 16, 6, 16, 40, 20, 2, 1e-4, 0.035, "thumos14"),
    "thumos14-videomaev2": (1408, 4, 16, 6, 16, 62, 30, 2, 1e-4, 0.055, "thumos14"),
    "thumos14-internvideo2": (3200, 4, 16, 6, 16, 57, 32, 2, 1e-4, 0.05, "thumos14"),
    "multithumos-i3d-rgb": (1024, 4, 16, 6, 16, 60, 25, 2, 1.5e-4, 0.03, "multithumos"),
    "multithumos-i3d": (2048, 4, 16, 6, 16, 60, 25, 2, 1.5e-4, 0.03, "multithumos"),
    "multithumos-videomaev2": (1408, 4, 16, 6, 16, 60, 25, 2, 1.5e-4, 0.03, "multithumos"),
    "epic-verb-slowfast": (2304, 16, 32, 6, 16, 28, 10, 2, 1e-4, 0.05, "epic-kitchens-100"),
    "epic-noun-slowfast": (2304, 16, 32, 6, 16, 25, 16, 2, 1e-4, 0.04, "epic-kitchens-100"),
    "activitynet-tsp": (512, 16, 16, 7, 12, 15, 10, 16, 1e-3, 0.045, "activitynet13"),
    "activitynet-i3d": (2048, 16, 16, 7, 12, 15, 10, 16, 1e-3, 0.045, "activitynet13"),
    "hacs-i3d": (2048, 1, 1, 7, 14, 17, 12, 16, 1e-3, 0.03, "hacs"),
    "hacs-slowfast": (2304, 8, 32, 7, 14, 15, 10, 16, 1e-3, 0.03, "hacs"),
}


@pytest.mark.parametrize("name", PAPER)
def test_a_benchmark_recipe_has_the_settings_of_the_paper(name: str) -> None:
    recipe = load_recipe(name)
    data, training = recipe.data, recipe.training
    assert PAPER[name] == (
        data.dimension,
        data.stride,
        data.window,
        recipe.model.levels,
        recipe.model.decoder.bins,
        training.epochs,
        training.warmup_epochs,
        training.batch_size,
        training.learning_rate,
        training.weight_decay,
        recipe.evaluation.protocol,
    )
    assert recipe.model.encoder.kernel_size == 3
    assert recipe.name == name


@pytest.mark.parametrize(("name", "steps"), [("activitynet-tsp", 192), ("activitynet-i3d", 160)])
def test_activitynet_is_stretched_to_a_fixed_length_and_learned_without_classes(name: str, steps: int) -> None:
    recipe = load_recipe(name)
    assert (recipe.data.resample_to, recipe.training.max_length, recipe.data.class_agnostic) == (
        steps,
        steps,
        True,
    )
    detection = recipe.detection
    assert detection.video_scores is not None
    assert (detection.video_classes, detection.fused_detections) == (2, 200)


@pytest.mark.parametrize(
    ("name", "first_ends", "fps"),
    [
        ("epic-verb-slowfast", [4, 8, 16, 32, 64, None], 30),
        ("epic-noun-slowfast", [4, 8, 16, 32, 64, None], 30),
    ],
)
def test_the_regression_ranges_of_epic_kitchens_overlap(
    name: str, first_ends: list[int | None], fps: float
) -> None:
    recipe = load_recipe(name)
    ranges = recipe.training.regression_ranges
    assert ranges is not None
    assert [most for _, most in ranges] == first_ends
    assert [least for least, _ in ranges] == [0, 2, 4, 8, 16, 32]
    assert recipe.data.fps == fps


def test_every_recipe_of_a_benchmark_is_known_to_this_test_or_stands_on_one_that_is() -> None:
    of_benchmarks = {name for name in built_in() if load_or_none(name) in PROTOCOLS}
    assert {name.removesuffix("-release") for name in of_benchmarks} == PAPER.keys()


def load_or_none(name: str) -> str | None:
    places = ["data.annotations=a.json", "data.features=f"]
    return load_recipe(name, places).evaluation.protocol


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("thumos14-i3d", {"model.encoder.kernel_size": 1}),
        ("thumos14-videomaev2", {"model.encoder.kernel_size": 1}),
        ("thumos14-internvideo2", {"model.encoder.kernel_size": 1}),
        ("multithumos-i3d-rgb", {"model.encoder.kernel_size": 1}),
        ("multithumos-i3d", {"model.encoder.kernel_size": 1}),
        ("multithumos-videomaev2", {"model.encoder.kernel_size": 1}),
        # Warm-up and weight decay of verbs and nouns stand the other way round in the release.
        (
            "epic-verb-slowfast",
            {"model.encoder.kernel_size": 5, "training.warmup_epochs": 16.0, "training.weight_decay": 0.04},
        ),
        (
            "epic-noun-slowfast",
            {"model.encoder.kernel_size": 5, "training.warmup_epochs": 10.0, "training.weight_decay": 0.05},
        ),
        (
            "activitynet-tsp",
            {
                "model.encoder.kernel_size": 15,
                "model.levels": 6,
                "data.resample_to": None,
                "training.max_length": 768,
            },
        ),
        ("hacs-i3d", {"model.encoder.kernel_size": 15, "model.decoder.bins": 12}),
    ],
)
def test_a_release_variant_differs_in_what_the_release_has_otherwise(
    name: str, changed: dict[str, object]
) -> None:
    ours, theirs = (flat(load_recipe(one).model_dump(mode="json")) for one in (name, f"{name}-release"))
    differing = {key: theirs[key] for key in ours if ours[key] != theirs[key] and key != "name"}
    assert differing == changed


def flat(values: dict[str, object], above: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        name = f"{above}.{key}" if above else key
        found |= flat(value, name) if isinstance(value, dict) else {name: value}
    return found
