"""`untrimmed sweep`: all recipes of a grid, and their table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from untrimmed.cli.options import Changes, recipe_names
from untrimmed.errors import InputError
from untrimmed.terminal import say

if TYPE_CHECKING:
    from untrimmed.sweeping.outcome import Outcome
    from untrimmed.sweeping.plan import Plan


def _table_names(incomplete: str) -> list[str]:
    """What a shell may complete the beginning of a table's name to."""
    from untrimmed.recipes.built_in import tables

    return [name for name in tables() if name.startswith(incomplete)]


def sweep(
    grid: Annotated[
        str,
        typer.Argument(
            metavar="GRID",
            help="Name of a built-in table of the paper, table-6 to table-15, or a YAML file with a grid.",
            show_default=False,
            autocompletion=_table_names,
        ),
    ],
    changes: Changes = None,
    base: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE",
            help="The recipe that the grid stands on, in the place of its own.",
            show_default=False,
            autocompletion=recipe_names,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Runs of each cell, with seeds one after another.")
    ] = 1,
    jobs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Runs at once, each with its part of the processor cores.")
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for table.csv and table.md; sweeps/GRID when left out, with --base sweeps/GRID-RECIPE.",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the run folders, which sweeps may share; runs, beside the table's, when left out.",
            show_default=False,
        ),
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Detect and judge in the videos of this subset; the protocol's when left out.",
            show_default=False,
        ),
    ] = None,
    tiou: Annotated[
        list[str] | None,
        typer.Option(
            metavar="THRESHOLDS",
            help="first:last:step, or a list with commas; repeatable; the recipe's when left out.",
            show_default=False,
        ),
    ] = None,
    per_tiou: Annotated[bool, typer.Option("--per-tiou", help="Also mAP at each single threshold.")] = False,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(
            metavar="NAME",
            help="local: processes of this machine; ray: tasks of Ray, on the cluster that RAY_ADDRESS names.",
        ),
    ] = "local",
    steps: Annotated[
        int, typer.Option(min=1, metavar="T", help="Grids that measure cost: length of the sequence.")
    ] = 2304,
    input_dim: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="D",
            help="Grids that measure cost: length of a feature vector; the recipe's when left out.",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        int, typer.Option(min=1, metavar="K", help="Grids that measure cost: number of classes.")
    ] = 20,
    device: Annotated[
        Literal["cpu", "cuda"], typer.Option(metavar="NAME", help="Grids that measure cost: cpu or cuda.")
    ] = "cpu",
) -> None:
    """Train, detect and judge with every recipe of a grid; one table of them all.

    What is done is not done again: the same command goes on with a sweep that was stopped.
    """
    from untrimmed.sweeping.plan import make_plan

    plan = make_plan(grid, changes or [], base)
    if out is None:
        out = Path("sweeps", plan.name if base is None else f"{plan.name}-{plan.base}")
    if plan.measure == "cost":
        _require_nothing_to_train(seeds=seeds > 1, jobs=jobs > 1, subset=subset, tiou=tiou, per_tiou=per_tiou)
        outcome = _costs(plan, out, steps, input_dim, classes, device)
    else:
        from untrimmed.sweeping.sweep import Request
        from untrimmed.sweeping.sweep import sweep as run

        runs = out.parent / "runs" if runs is None else runs
        request = Request(out, runs, seeds, subset, tuple(tiou or ()), per_tiou, jobs)
        if engine == "ray":
            from untrimmed.sweeping.cluster import run_on_ray as do
        else:
            from untrimmed.sweeping.local import run_locally as do
        outcome = run(plan, request, do, say)
    typer.echo(outcome.page, nl=False)
    say(f"the table is in {out / 'table.csv'} and {out / 'table.md'}")
    outcome.require_all()


def _costs(
    plan: "Plan", out: Path, steps: int, input_dim: int | None, classes: int, device: Literal["cpu", "cuda"]
) -> "Outcome":
    import torch

    from untrimmed.sweeping.cost import Input, sweep_costs

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device is cuda, but this machine has no GPU that can be used; give cpu")
    given = Input(steps=steps, dimension=input_dim, classes=classes, device=device)
    return sweep_costs(plan, given, out, say)


def _require_nothing_to_train(**given: object) -> None:
    """InputError for options that mean nothing where nothing is trained."""
    for name, value in given.items():
        if value:
            raise InputError(
                f"--{name.replace('_', '-')} belongs to grids whose runs are trained; this one measures cost: "
                "leave it out"
            )
