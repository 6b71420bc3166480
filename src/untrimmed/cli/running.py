"""Commands that make something: a run, detections."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from untrimmed.cli.options import Changes, Label, Plugins, Recipe, Subset, VideoFile, recipe_names
from untrimmed.errors import InputError, UntrimmedError
from untrimmed.terminal import log_to_file, say, watched

if TYPE_CHECKING:
    from untrimmed.annotations.annotations import Annotations


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what it makes.")] = Path("untrimmed-demo"),
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the task and of training.")] = 0,
) -> None:
    """From data to pictures, on a small generated task."""
    from untrimmed.demo.run import run_demo

    run_demo(out, seed, say=typer.echo)


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Print this one.", show_default=False, autocompletion=recipe_names),
    ] = None,
) -> None:
    """List the built-in recipes and grids, or print one to start from."""
    from untrimmed.files import read_text
    from untrimmed.recipes.built_in import built_in, tables

    if name is not None:
        from untrimmed.recipes.loading import find_recipe

        typer.echo(read_text(find_recipe(name)), nl=False)
        return
    width = max(map(len, built_in()))
    for listed in (built_in(), tables()):
        if listed == tables():
            typer.echo("\ngrids of recipes, for `untrimmed sweep`:")
        for title, path in listed.items():
            typer.echo(f"{title.ljust(width)}  {read_text(path).splitlines()[0].lstrip('# ')}")


def train(
    recipe: Recipe,
    changes: Changes = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run folder; runs/RECIPE when left out.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder.")] = False,
) -> None:
    """Train the model of a recipe."""
    from untrimmed.recipes.loading import load_recipe
    from untrimmed.training.fit import train as fit

    chosen = load_recipe(recipe, changes or [])
    folder = Path("runs", Path(recipe).stem) if out is None else out
    with log_to_file(folder / "log.txt"):
        run = fit(chosen, folder, resume=resume, progress=watched("reading features"))
    what = "" if chosen.evaluation.test_subset else " FEATURES"  # without a protocol nobody says where to detect
    what += "".join(f" --plugin {name}" for name in chosen.plugins)
    say(f"the model is in {run.path}; detect with it: untrimmed detect {run.path}{what}")


def detect(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A run folder or a checkpoint.", show_default=False)
    ],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT...]",
            help="Feature files, or folders of them; without any, those of the test subset of the run's recipe.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Detections, .json or .csv; left out: detections.json, without INPUT in the run folder.",
            show_default=False,
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Detect in the videos of these annotations alone; durations and frame rates come from them.",
            show_default=False,
        ),
    ] = None,
    subset: Subset = None,
    label: Label = None,
    videos: VideoFile = None,
    video_scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Scores of whole videos, .json or .npy, which name the classes of what a class-agnostic model "
            "finds; those of its recipe when left out.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float, typer.Option(min=0, max=1, metavar="SCORE", help="Leave out what scores lower.")
    ] = 0.0,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="cpu, cuda, or auto: a GPU where there is one.")
    ] = "auto",
    plugin: Plugins = None,
) -> None:
    """Find the actions in features."""
    from untrimmed.detection.detecting import detect_to_file, own_data
    from untrimmed.detection.inputs import open_inputs, with_scores
    from untrimmed.detection.loading import load
    from untrimmed.detection.result_files import is_json
    from untrimmed.files import require_writable
    from untrimmed.runs import recipe_of

    if inputs:
        places, chosen = inputs, _annotations(annotations, subset, label, videos)
        out = Path("detections.json") if out is None else out
    else:
        if annotations is not None or label is not None or videos is not None:
            raise InputError("--annotations, --label and --videos belong to feature files: give some INPUT")
        places, chosen = own_data(recipe_of(model, plugin or ()), subset)
        out = model / "detections.json" if out is None else out
    is_json(out)
    require_writable(out)  # rather now than after hours of work
    known_classes = None if chosen is None else chosen.classes
    localizer = load(model, device, video_scores=video_scores, classes=known_classes, plugins=plugin or ())
    opened, missing = open_inputs(places, localizer.features, chosen)
    opened = with_scores(opened, localizer.fusion)
    total = sum(len(one.durations_seconds) for one in opened)
    outcome = detect_to_file(localizer, opened, out, min_score=min_score, progress=watched("detecting", total))
    _warn_of_left_out(missing, outcome.failed)
    say(f"{sum(outcome.found.values())} detections in {len(outcome.found)} videos written to {out}")
    if localizer.features.data.class_agnostic and localizer.fusion is None:
        say('all are labelled "action", which is what the model knows; --video-scores FILE names their classes')
    if outcome.failed:
        raise UntrimmedError(f"{len(outcome.failed)} of {total} videos could not be read; the others are done")


def _warn_of_left_out(missing: "list[str]", failed: "dict[str, InputError]") -> None:
    """Name the videos in which nothing could be detected."""
    from untrimmed.annotations.problems import first_few

    if missing:
        logging.getLogger(__name__).warning(
            "%d annotated videos have no features: %s", len(missing), first_few(missing)
        )
    for error in failed.values():
        logging.getLogger(__name__).warning("%s", error)


def _annotations(
    path: Path | None,
    subset: str | None,
    label: Literal["verb", "noun", "action"] | None,
    videos: Path | None,
) -> "Annotations | None":
    if path is None:
        for option, given in (("--subset", subset), ("--label", label), ("--videos", videos)):
            if given is not None:
                raise InputError(f"{option} needs --annotations, which says what videos there are")
        return None
    from untrimmed.annotations.formats import read_annotations
    from untrimmed.annotations.subsets import chosen_subset

    annotations = read_annotations(path, label=label, videos=videos)
    return annotations if subset is None else chosen_subset(annotations, subset)
