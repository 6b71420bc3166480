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
    plan = planned("grid: {model.levels: [1, 2], a: {fine: {}, broken: {data.key: nothing}}}")
    (Path("task/features/features.yaml")).write_text("fps: 10\nstride: 2\nwindow: 2\ndimension: 24\n")
    request = Request(Path("out"), Path("runs"), subset="test", at_once=2)
    outcome = sweep(plan, request, run_on_ray, print)
    assert len(outcome.failed) in (0, 2)
    assert outcome.page.count("| 0:0") >= 2


def test_without_ray_the_extra_is_named(planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--engine ray needs the package ray.*'untrimmed\[ray\]'"):
        list(run_on_ray([], 1))
