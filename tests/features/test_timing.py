import math

import pytest

from untrimmed.errors import InputError
from untrimmed.features.manifest import Manifest
from untrimmed.features.time_grid import TimeGrid
from untrimmed.features.timing import resolve_timing

I3D = Manifest(fps=30, stride=4, window=16)


def test_the_caller_alone_may_say_everything():
    assert resolve_timing(25, 8, 32, "recipe.yaml", {}).grid("a") == TimeGrid(25, 8, 32)


def test_the_manifest_alone_may_say_everything():
    assert resolve_timing(None, None, None, "recipe.yaml", {"f.yaml": I3D}).grid("a") == TimeGrid(30, 4, 16)


def test_each_may_say_a_part():
    timing = resolve_timing(
        30, None, None, "recipe.yaml", {"f.yaml": Manifest(stride=4), "g.yaml": Manifest(window=16)}
    )
    assert timing.grid("a") == TimeGrid(30, 4, 16)


def test_the_same_said_twice_is_no_conflict():
    assert resolve_timing(30.0, 4, 16, "recipe.yaml", {"f.yaml": I3D, "g.yaml": I3D}).grid("a") == TimeGrid(
        30, 4, 16
    )


def test_two_spellings_of_a_frame_rate_are_the_same():
    timing = resolve_timing(29.97, 4, 16, "recipe.yaml", {"f.yaml": Manifest(fps=30000 / 1001)})
    assert timing.grid("a").fps == 29.97


@pytest.mark.parametrize(("name", "value"), [("fps", 25), ("stride", 8), ("window", 32)])
def test_a_contradiction_names_both_values_and_both_places(name, value):
    said = {"fps": None, "stride": None, "window": None, name: value}
    stated = getattr(I3D, name)
    with pytest.raises(InputError, match=rf"{name} is {value} in recipe\.yaml but {stated} in f\.yaml"):
        resolve_timing(**said, said_in="recipe.yaml", manifests={"f.yaml": I3D})


def test_manifests_that_contradict_each_other_are_both_named():
    with pytest.raises(InputError, match=r"stride is 4 in f\.yaml but 8 in g\.yaml"):
        resolve_timing(30, None, 16, "recipe.yaml", {"f.yaml": I3D, "g.yaml": Manifest(stride=8)})


def test_what_nobody_says_is_named():
    with pytest.raises(
        InputError,
        match=r"recipe\.yaml does not say the fps, window of the features, .* to either, or name annotations",
    ):
        resolve_timing(None, 4, None, "recipe.yaml", {"f.yaml": Manifest(stride=4), "g.yaml": None})


def test_each_video_may_have_its_own_frame_rate():
    timing = resolve_timing({"a": 24, "b": 30}, 4, 16, "recipe.yaml", {})
    assert timing.grid("a") == TimeGrid(24, 4, 16)
    assert timing.grid("b") == TimeGrid(30, 4, 16)


@pytest.mark.parametrize("fps_of", [{"a": 24}, {"a": 24, "b": math.nan}])
def test_a_video_of_unknown_frame_rate_is_named_when_it_is_asked_for(fps_of):
    timing = resolve_timing(fps_of, 4, 16, "recipe.yaml", {})
    with pytest.raises(InputError, match="the frame rate of the video 'b' is not known"):
        timing.grid("b")


def test_a_manifest_that_says_one_frame_rate_counts_more_than_the_videos_own():
    timing = resolve_timing({"a": 25, "b": math.nan}, 4, 16, "recipe.yaml", {"f.yaml": I3D})
    assert [timing.grid(video_id).fps for video_id in ("a", "b", "c")] == [30, 30, 30]


def test_an_impossible_frame_rate_names_the_video():
    with pytest.raises(InputError, match=r"the frame rate of the video 'a' is 0\.0"):
        resolve_timing({"a": 0}, 4, 16, "recipe.yaml", {}).grid("a")
