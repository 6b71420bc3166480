import pytest

from untrimmed.errors import InputError
from untrimmed.recipes.loading import load_recipe
from untrimmed.released.recipe import recipe_for
from untrimmed.released.system import System
from untrimmed.released.systems import SYSTEMS, Known, choose

FIRST, SECOND = (System(name, (), lambda shapes: {}, "demo") for name in ("firstnet", "secondnet"))
KNOWN = (Known(FIRST, ".special."), Known(SECOND, "backbone."))


def test_the_first_mark_that_occurs_decides() -> None:
    assert choose(["backbone.a", "backbone.special.b"], None, "x.pth", KNOWN) is FIRST
    assert choose(["backbone.a", "head.b"], None, "x.pth", KNOWN) is SECOND
    assert choose(["backbone.a"], "secondnet", "x.pth", KNOWN) is SECOND


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        (["backbone.a"], "firstnet", "x.pth looks like a checkpoint of secondnet, not of firstnet"),
        (["backbone.a"], "firstnett", "there is no system firstnett: .*; did you mean firstnet?"),
        (["a", "b"], None, "x.pth holds no weights of firstnet, secondnet; it has 2 tensors such as a, b"),
        (["a"], "firstnet", "x.pth holds no weights of firstnet, secondnet; it has 1 tensor such as a"),
    ],
)
def test_what_is_of_no_system_or_of_another_is_an_error(names: list[str], given: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose(names, given, "x.pth", KNOWN)


@pytest.mark.parametrize("known", SYSTEMS, ids=lambda known: known.system.name)
def test_settings_are_those_of_a_built_in_recipe_without_its_benchmark(known: Known) -> None:
    system = known.system
    recipe, settings = load_recipe(system.recipe), system.settings
    assert set(settings) == {"model", "training", "detection"}
    told = recipe_for(settings, {"model": settings["model"]}, where="x.pth")[0]
    assert told.training == recipe.training
    assert (told.model.encoder, told.model.decoder) == (recipe.model.encoder, recipe.model.decoder)
    assert told.detection.suppression.max_detections == recipe.detection.suppression.max_detections
    assert (str(told.data.annotations), told.data.stride, told.evaluation.protocol) == (
        "annotations.json",
        None,
        None,
    )
