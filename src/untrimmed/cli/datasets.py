"""`untrimmed datasets`: what there is, whether it is complete, features to try things on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from untrimmed.cli.options import Changes, Recipe
from untrimmed.terminal import say, watched

app = typer.Typer(
    help="Get ready with a benchmark: what there is, whether it is complete, features to try things on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_datasets(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="All about this data set, or that of this recipe.", show_default=False
        ),
    ] = None,
) -> None:
    """The benchmarks: how large they are, and where annotations and features are to be had."""
    from untrimmed.datasets.listing import details, overview

    typer.echo(overview() if name is None else details(name))


@app.command("check")
def check_dataset(
    recipe: Recipe,
    changes: Changes = None,
    subset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only the videos of this subset; without it those that the recipe learns from and is judged on.",
            show_default=False,
        ),
    ] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Read every value, to find NaN; without it only headers.")
    ] = False,
) -> None:
    """Whether the features that a recipe names are complete, and fit the annotations."""
    from untrimmed.datasets.checking import check_features
    from untrimmed.recipes.loading import load_recipe

    chosen = load_recipe(recipe, changes or [])
    report = check_features(chosen, subset=subset, whole=read, watch=watched("looking at features"))
    typer.echo(report.text(), nl=False)
    report.require_complete()


@app.command()
def synthesise(
    recipe: Recipe,
    changes: Changes = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the features.", show_default=False)],
    difficulty: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="From 0, plain, to 1, noise alone.")
    ] = 0.5,
    videos: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="So many of each subset; all without it.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of everything random.")] = 0,
    dtype: Annotated[
        Literal["float32", "float16"],
        typer.Option(metavar="NAME", help="Of the values: float32, or float16, which takes half the room."),
    ] = "float32",
) -> None:
    """Make features of the right dimension and lengths, planted from the annotations of a recipe."""
    from untrimmed.datasets.synthesis import plan, training_command, write
    from untrimmed.recipes.loading import load_recipe

    chosen = load_recipe(recipe, changes or [])
    planned = plan(chosen, out, difficulty=difficulty, videos=videos, seed=seed, dtype=dtype)
    say(f"writing {planned}")
    there = write(planned, watched("writing features"))
    say(f"{there} of them were there already; train on them:" if there else "train on them:")
    typer.echo(training_command(recipe, changes or [], planned))
