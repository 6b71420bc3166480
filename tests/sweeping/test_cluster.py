"""Runs as tasks of Ray."""

from collections.abc import Callable
from pathlib import Path

import pytest

from untrimmed.errors import MissingExtraError
from untrimmed.sweeping.cluster import run_on_ray
from untrimmed.sweeping.plan import Plan
from untrimmed.sweeping.sweep import Request, sweep


def test_ray_does_what_processes_do(planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    plan = planned("grid: {a: {fine: {}, broken: {data.dimension: 7}}, model.levels: [1, 2]}")
    request = Request(Path("out"), Path("runs"), subset="test", at_once=2)
    outcome = sweep(plan, request, run_on_ray, print)
    assert sorted(sentence.partition(":")[0] for sentence in outcome.failed) == ["broken, 1", "broken, 2"]
    assert all("7" in sentence and "24" in sentence for sentence in outcome.failed)
    rows = [line.split(" | ") for line in outcome.page.splitlines()[4:8]]
    assert [row[-1] for row in rows] == ["1 |", "1 |", "0 |", "0 |"]
    assert [row[2] == "–" for row in rows] == [False, False, True, True]


def test_without_ray_the_extra_is_named(planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--engine ray needs the package ray.*'untrimmed\[ray\]'"):
        list(run_on_ray([], 1))
