import numpy as np

from untrimmed.annotations.annotations import Segments
from untrimmed.datasets.planting import EASY_DEVIATIONS, END_STRENGTH, Planting
from untrimmed.features.time_grid import TimeGrid

GRID = TimeGrid(fps=10, stride=1, window=0)  # step t is at t / 10 s
ONE = Segments(np.array([0]), np.array([10.0]), np.array([20.0]), np.array([1]))
NONE = Segments(np.array([], int), np.array([]), np.array([]), np.array([], int))


def test_noise_is_standard_normal() -> None:
    noise = Planting(("a", "b"), 64).features("v", NONE, GRID, 2000)
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02


def test_an_action_stands_out_in_the_direction_of_its_class_and_less_at_its_ends() -> None:
    planting = Planting(("a", "b"), 32, difficulty=0.0)
    features = planting.features("v", ONE, GRID, 400)
    assert features.shape == (400, 32)
    # With 0 difficulty nothing is drawn but the noise, of mean 0: averages over the middle are the strength.
    found = features @ planting._directions[1]
    middle = found[125:176].mean()
    ends = np.r_[found[100:103], found[198:201]].mean()
    np.testing.assert_allclose(middle, EASY_DEVIATIONS, atol=0.6)
    np.testing.assert_allclose(ends, END_STRENGTH * EASY_DEVIATIONS, atol=1.6)
    assert abs(np.r_[found[:100], found[201:]].mean()) < 0.3


def test_difficulty_weakens_and_ends_in_noise_alone() -> None:
    easy, middle, none = (
        (p.features("v", ONE, GRID, 400) @ p._directions[1])[130:170].mean()
        for p in (Planting(("a", "b"), 32, difficulty=d) for d in (0.0, 0.5, 1.0))
    )
    assert easy > middle + 3 > none + 6
    hardest = Planting(("a", "b"), 32, difficulty=1.0)
    other_label = Segments(ONE.video, ONE.start_seconds, ONE.end_seconds, np.array([0]))
    np.testing.assert_array_equal(
        hardest.features("v", ONE, GRID, 400), hardest.features("v", other_label, GRID, 400)
    )


def test_a_video_depends_on_the_seed_and_its_name_alone() -> None:
    two, three = Planting(("a", "b"), 8), Planting(("a", "b", "c"), 8)
    np.testing.assert_array_equal(two.features("v", ONE, GRID, 300), three.features("v", ONE, GRID, 300))
    assert not np.array_equal(two.features("v", ONE, GRID, 300), two.features("w", ONE, GRID, 300))
    other_seed = Planting(("a", "b"), 8, seed=1)
    assert not np.array_equal(two.features("v", ONE, GRID, 300), other_seed.features("v", ONE, GRID, 300))


def test_an_action_between_two_steps_is_at_the_nearest() -> None:
    short = Segments(np.array([0]), np.array([5.01]), np.array([5.03]), np.array([0]))
    planting = Planting(("a",), 16, difficulty=0.0)
    found = planting.features("v", short, GRID, 100) @ planting._directions[0]
    assert found.argmax() == 50
    # Even behind the last step.
    late = Segments(np.array([0]), np.array([50.0]), np.array([51.0]), np.array([0]))
    assert (planting.features("v", late, GRID, 100) @ planting._directions[0]).argmax() == 99


def test_video_scores_name_the_classes_of_a_video_the_surer_the_easier() -> None:
    classes = tuple(f"c{number}" for number in range(50))
    labels = np.array([7, 7, 7])
    easy = Planting(classes, 8, difficulty=0.0).video_scores("v", labels)
    hard = Planting(classes, 8, difficulty=0.7).video_scores("v", labels)
    np.testing.assert_allclose([easy.sum(), hard.sum()], 1.0)
    assert easy.argmax() == 7
    assert easy[7] > 0.99 > hard[7]
    guess = Planting(classes, 8, difficulty=1.0)
    np.testing.assert_array_equal(guess.video_scores("v", labels), guess.video_scores("v", np.array([3])))
