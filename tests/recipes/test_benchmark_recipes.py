"""The recipes of the benchmarks against the paper (supplementary C and D), and against the releases."""

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
    assert {name.removesuffix("-release") for name in of_benchmarks} == PAPER.keys() | SYSTEMS.keys()


def load_or_none(name: str) -> str | None:
    places = ["data.annotations=a.json", "data.features=f"]
    return load_recipe(name, places).evaluation.protocol


#: What the releases of CLTDR-GMG have otherwise than the paper, whatever the benchmark.
RELEASED = {
    "model.encoder.variant": "release",
    "model.encoder.layer_scale": 1e-4,
    "model.encoder.initial_std": 0.0,
    "model.decoder.variant": "release",
    "training.loss.classification": "released_varifocal",
    "training.loss.normalizer": "running_twice",
    "training.loss.quality_gradient": True,
}


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
                "model.encoder.initial_std": 0.2,
                "model.levels": 6,
                "data.resample_to": None,
                "training.max_length": 768,
            },
        ),
        (
            "hacs-i3d",
            {"model.encoder.kernel_size": 15, "model.encoder.initial_std": 0.1, "model.decoder.bins": 12},
        ),
        ("hacs-slowfast", {"model.encoder.initial_std": 0.1}),
    ],
)
def test_a_release_variant_differs_in_what_the_release_has_otherwise(
    name: str, changed: dict[str, object]
) -> None:
    ours, theirs = (flat(load_recipe(one).model_dump(mode="json")) for one in (name, f"{name}-release"))
    differing = {key: theirs[key] for key in ours if ours[key] != theirs[key] and key != "name"}
    assert differing == RELEASED | changed


#: What the releases say of the network: channels, width of the heads, of the feed-forward networks, kernel of the
#: heads, of those for boundaries, bins, code of positions; of training: power of the tIoU, noise, last learning
#: rate, initial normalizer, longest gradient, label smoothing; of detection: candidates, sigma, kept at most.
NETWORK = {
    "thumos14-i3d": (512, 512, 768, 3, 3, 16, False),
    "thumos14-videomaev2": (512, 512, 768, 3, 3, 16, False),
    "thumos14-internvideo2": (512, 512, 768, 3, 3, 16, False),
    "multithumos-i3d-rgb": (512, 512, 768, 3, 3, 16, False),
    "multithumos-i3d": (512, 512, 1024, 3, 3, 16, False),
    "multithumos-videomaev2": (512, 512, 1024, 3, 3, 16, False),
    "epic-verb-slowfast": (512, 512, 768, 3, 3, 16, False),
    "epic-noun-slowfast": (512, 512, 1024, 3, 3, 16, False),
    "activitynet-tsp": (256, 512, 2048, 3, 3, 12, True),
    "hacs-i3d": (1024, 1024, 1024, 5, 1, 12, True),
    "hacs-slowfast": (1024, 1024, 1024, 5, 1, 14, True),
}
TRAINING = {
    "thumos14-i3d": (0.2, 0.05, 1e-8, 100, 1.0, 0.0, 2000, 0.5, 2000),
    "thumos14-videomaev2": (0.2, 0.0005, 1e-8, 100, 1.0, 0.0, 2000, 0.5, 2000),
    "thumos14-internvideo2": (0.25, 0.0005, 1e-8, 100, 1.0, 0.0, 2000, 0.5, 2000),
    "multithumos-i3d-rgb": (0.2, 0.0005, 1e-8, 100, 1.0, 0.0, 8000, 0.5, 8000),
    "multithumos-i3d": (0.2, 0.0005, 1e-8, 100, 1.0, 0.0, 8000, 0.5, 8000),
    "multithumos-videomaev2": (0.25, 0.05, 1e-8, 100, 1.0, 0.0, 2000, 0.5, 2000),
    "epic-verb-slowfast": (0.25, 0.0003, 5e-5, 250, 1.0, 0.0, 5000, 0.4, 2000),
    "epic-noun-slowfast": (0.25, 0.0001, 5e-5, 250, 1.0, 0.0, 5000, 0.4, 2000),
    "activitynet-tsp": (1, 0.5, 2e-5, 400, 0.4, 0.1, 2000, 0.7, 200),
    "hacs-i3d": (1, 0.0, 1e-4, 400, 1.0, 0.1, 2000, 0.75, 250),
    "hacs-slowfast": (1, 0.2, 2e-4, 400, 0.5, 0.1, 2000, 0.75, 250),
}


@pytest.mark.parametrize("name", NETWORK)
def test_a_release_variant_has_the_settings_of_the_release(name: str) -> None:
    recipe = load_recipe(f"{name}-release")
    model, training, detection = recipe.model, recipe.training, recipe.detection
    assert NETWORK[name] == (
        model.channels,
        model.decoder.head_channels,
        model.encoder.hidden,
        model.decoder.kernel_size,
        model.decoder.boundary_kernel_size or model.decoder.kernel_size,
        model.decoder.bins,
        model.embedding.positions,
    )
    assert TRAINING[name] == (
        training.loss.quality_power,
        training.input_noise,
        training.final_learning_rate,
        training.loss.initial_normalizer,
        training.clip_norm,
        training.loss.label_smoothing,
        detection.candidates_per_level,
        detection.suppression.sigma,
        detection.suppression.max_detections,
    )
    assert (model.encoder.stem_blocks, model.encoder.drop_path, model.decoder.layers) == (2, 0.1, 3)


#: encoder, decoder, epochs, warm-up epochs, weight decay, noise, class loss, power of the tIoU, kept at most.
SYSTEMS = {
    "thumos14-i3d-actionformer": ("transformer", "convolutional", 35, 5, 0.05, 0.0, "focal", 0, 200),
    "thumos14-i3d-temporalmaxer": ("max_pooling", "convolutional", 65, 5, 0.05, 0.0, "focal", 0, 200),
    "thumos14-i3d-tridet": ("sgp", "trident", 40, 20, 0.025, 0.0005, "focal", 0.2, 2000),
    "thumos14-internvideo2-actionmamba": ("mamba", "convolutional", 50, 5, 0.05, 0.0, "focal", 0, 200),
}
#: What else their encoders and decoders have.
PARTS = {
    "thumos14-i3d-actionformer": {"stem_blocks": 2, "heads": 4, "window": 19, "expansion": 4, "drop_path": 0.1},
    "thumos14-i3d-temporalmaxer": {},
    "thumos14-i3d-tridet": {
        "stem_blocks": 2,
        "hidden": 768,
        "kernel_size": 1,
        "window_factor": 5,
        "drop_path": 0.1,
    },
    "thumos14-internvideo2-actionmamba": {"stem_blocks": 2, "states": 16, "window": 4, "drop_path": 0.3},
}
#: What all systems of the same code base share.
SHARED = {
    "model.channels": 512,
    "model.levels": 6,
    "model.decoder.head_channels": 512,
    "model.decoder.kernel_size": 3,
    "model.decoder.layers": 3,
    "training.batch_size": 2,
    "training.learning_rate": 1e-4,
    "training.final_learning_rate": 1e-8,
    "training.clip_norm": 1.0,
    "training.average_decay": 0.999,
    "training.max_length": 2304,
    "training.crop_ratio": [0.9, 1.0],
    "training.truncation_threshold": 0.5,
    "training.center_radius": 1.5,
    "training.regression_ranges": None,
    "training.loss.initial_normalizer": 100,
    "training.loss.regression": "diou",
    "training.loss.regression_weight": 1.0,
    "training.loss.label_smoothing": 0.0,
    "detection.threshold": 0.001,
    "detection.candidates_per_level": 2000,
    "detection.min_steps": 0.05,
    "detection.suppression.sigma": 0.5,
    "detection.suppression.min_score": 0.001,
    "detection.suppression.per_class": True,
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_recipe_of_another_system_has_the_settings_of_its_release(name: str) -> None:
    recipe = load_recipe(name)
    model, training = recipe.model, recipe.training
    assert SYSTEMS[name] == (
        model.encoder.kind,
        model.decoder.kind,
        training.epochs,
        training.warmup_epochs,
        training.weight_decay,
        training.input_noise,
        training.loss.classification,
        training.loss.quality_power,
        recipe.detection.suppression.max_detections,
    )
    encoder = model.encoder.model_dump()
    assert (
        encoder.keys() & {"kind", "layer_scale", "initial_std", "dropout"} | PARTS[name].keys() == encoder.keys()
    )
    assert {key: encoder[key] for key in PARTS[name]} == PARTS[name]
    assert encoder.get("layer_scale", 1e-4) == 1e-4
    values = flat(recipe.model_dump(mode="json"))
    assert {key: values[key] for key in SHARED} == SHARED


def test_temporalmaxer_alone_chooses_points_by_their_cost_and_normalises_groups() -> None:
    found = {
        name: (load_recipe(name).training.assignment, load_recipe(name).model.norm)
        for name in [*SYSTEMS, "thumos14-i3d"]
    }
    assert found.pop("thumos14-i3d-temporalmaxer") == ("simota", "group")
    assert set(found.values()) == {("center", "layer")}
    simota = load_recipe("thumos14-i3d-temporalmaxer").training.simota
    assert (simota.class_weight, simota.tiou_weight, simota.keep, simota.other_weight) == (1, 2, 1, 0)


def test_the_release_of_tridet_switches_parts_of_it_off() -> None:
    names = ("thumos14-i3d-tridet", "thumos14-i3d-tridet-release")
    ours, theirs = (flat(load_recipe(name).model_dump(mode="json")) for name in names)
    assert {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key] and key != "name"} == {
        "model.encoder.initial_std": (None, 0.0),
        "model.decoder.detached_boundaries": (False, True),
        "training.loss.quality_gradient": (False, True),
    }


def flat(values: dict[str, object], above: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        name = f"{above}.{key}" if above else key
        found |= flat(value, name) if isinstance(value, dict) else {name: value}
    return found
