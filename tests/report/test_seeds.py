"""Runs of several seeds: their mean and spread, and what cannot be averaged."""

from typing import Any

import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.report.seeds import by_seeds

HIGH = {"tiou_thresholds": [0.5, 0.75], "mAP": [0.4, 0.2]}


def test_mean_and_spread_are_those_worked_by_hand(evaluated):
    curves = [0.5, 0.3], [0.6, 0.3], [0.7, 0.6]
    runs = [evaluated(**HIGH | {"mAP": list(curve)}, seed=seed) for seed, curve in enumerate(curves)]
    (group,) = by_seeds(runs)
    # Averages 0.40, 0.45, 0.65: mean 0.5, squared distances 0.01 + 0.0025 + 0.0225 = 0.035, halved 0.0175.
    np.testing.assert_allclose(group.mean, [0.6, 0.4, 0.5])
    np.testing.assert_allclose(group.spread, [0.1, np.sqrt(0.03), np.sqrt(0.0175)])


def test_one_run_has_no_spread(evaluated):
    (group,) = by_seeds([evaluated(**HIGH)])
    assert group.spread is None
    np.testing.assert_allclose(group.mean, [0.4, 0.2, 0.3])


def test_runs_are_grouped_by_recipe_and_thresholds_in_any_order(evaluated):
    runs = [
        evaluated(seed=1),
        evaluated(seed=2, recipe="b"),
        evaluated(seed=0, tiou_thresholds=np.linspace(0.3, 0.7, 5).tolist()),
        evaluated(seed=0, **HIGH),
    ]
    groups = by_seeds(runs[::-1])
    assert [(group.recipe, [run.seed for run in group.runs]) for group in groups] == [
        ("b", [2]),
        ("thumos14-i3d", [0, 1]),
        ("thumos14-i3d", [0]),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": None}, "protocol is thumos14 in the first and none in the second"),
        ({"subset": "validation"}, "subset is test in the first and validation in the second"),
        ({"annotations": "other.json"}, r"annotations is thumos14\.json in the first and other\.json in"),
        ({"classifier": "cuhk.json"}, r"classifier is none in the first and cuhk\.json in the second"),
        ({"videos": 210}, "videos is 212 in the first and 210 in the second"),
        ({"label": "verb"}, "label is none in the first and verb in the second"),
        ({"seed": 0}, "with seed 0; give each run once"),
    ],
)
def test_runs_that_were_judged_in_different_ways_are_not_averaged(
    evaluated, changes: dict[str, Any], message: str
):
    runs = [evaluated(), evaluated(**{"seed": 1} | changes)]
    with pytest.raises(InputError, match=rf"0\.json and \S*1\.json are both of thumos14-i3d.* {message}"):
        by_seeds(runs)


def test_the_folder_of_the_annotations_may_differ(evaluated):
    assert len(by_seeds([evaluated(), evaluated(seed=1, annotations="elsewhere/thumos14.json")])) == 1
