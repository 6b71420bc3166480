"""Suppression and voting against recorded calls of `batched_nms` of ActionFormer, TriDet and CLTDR-GMG."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from untrimmed.detection.nms import Kept, Suppression, suppress

SCORE_TOLERANCE = 1e-6
VOTED_TOLERANCE = 2e-4
INPUTS = ("large", "small", "one_class", "ties", "degenerate", "empty")


@pytest.fixture(scope="module")
def cases(shared: Path):
    folder = shared / "parity" / "nms"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    return [
        (case, dict(np.load(folder / case["file"])))
        for case in json.loads((folder / "cases.json").read_text())["cases"]
    ]


def run(case, arrays, voting_weight="score") -> Kept:
    arguments = case["arguments"]
    votes = arguments["voting_thresh"] > 0 and not arguments["multiclass"]
    settings = Suppression(
        method="soft" if arguments["use_soft_nms"] else "hard",
        sigma=arguments["sigma"],
        tiou_threshold=arguments["iou_threshold"],
        min_score=arguments["min_score"],
        max_detections=arguments["max_seg_num"],
        per_class=arguments["multiclass"],
        voting_tiou=arguments["voting_thresh"] if votes else None,
        voting_weight=voting_weight,
    )
    start, end = arrays["segments"].T
    return suppress(start, end, arrays["scores"], arrays["labels"], settings)


def test_every_recorded_call_is_compared(cases):
    assert len(cases) == 60
    assert {case["input"] for case, _ in cases} == set(INPUTS)


@pytest.mark.parametrize("name", INPUTS)
def test_the_same_candidates_are_kept_with_the_same_scores(cases, name):
    for case, arrays in cases:
        if case["input"] != name:
            continue
        kept = run(case, arrays)
        stable = "" if case["order_defined"] else "stable_"
        assert_array_equal(kept.index, arrays[stable + "out_index"], err_msg=case["file"])
        scores = arrays[stable + "out_scores"]
        assert_allclose(kept.score, scores, rtol=0, atol=SCORE_TOLERANCE, err_msg=case["file"])
        # Ties: the releases order them by chance, their scores hold for any order.
        assert_allclose(np.sort(kept.score)[::-1], arrays["out_scores"], rtol=0, atol=SCORE_TOLERANCE)


@pytest.mark.parametrize("name", INPUTS)
def test_segments_are_the_same_before_and_after_voting(cases, name):
    for case, arrays in cases:
        if case["input"] != name or case.get("rows_that_differ_from_stable_rule"):
            continue
        for output in (key for key in arrays if key.startswith("out_segments")):
            kept = run(case, arrays, "score_tiou" if output.endswith("iou") else "score")
            found = np.stack([kept.start, kept.end], axis=1)
            expected = arrays[output]
            if not case["order_defined"]:
                order = same_rows(kept, arrays, found, expected)
                found = found[order]
            # A kept segment of zero length became NaN in the releases; here it stays what it was.
            lost = np.isnan(expected).any(axis=1)
            assert_array_equal(found[lost], arrays["segments"][kept.index][lost])
            tolerance = 0 if output == "out_segments" else VOTED_TOLERANCE
            assert_allclose(found[~lost], expected[~lost], rtol=0, atol=tolerance, err_msg=case["file"])


def same_rows(kept, arrays, found, expected):
    """For each expected row the found row of the same class, score and segment, each used once."""
    left = list(range(len(found)))
    order = []
    for score, label, segment in zip(arrays["out_scores"], arrays["out_labels"], expected, strict=True):
        row = next(
            row
            for row in left
            if abs(kept.score[row] - score) <= SCORE_TOLERANCE
            and arrays["labels"][kept.index[row]] == label
            and np.abs(found[row] - segment).max() <= VOTED_TOLERANCE
        )
        left.remove(row)
        order.append(row)
    assert not left
    return order
