"""The commands; what they do is elsewhere, and imported only when one of them runs."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from untrimmed import __version__
from untrimmed.errors import InputError, UntrimmedError
from untrimmed.memory import keep_freed_memory
from untrimmed.terminal import STOPPED, ignore_ctrl_c, log_to_file, log_to_stderr, say, stop_once, watched

if TYPE_CHECKING:
    from untrimmed.annotations.annotations import Annotations

app = typer.Typer(
    name="untrimmed",
    help="Find every action in a long, untrimmed video or signal: which, from when, until when, how sure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
annotations_app = typer.Typer(
    help="Check annotations, or turn them into another format.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(annotations_app, name="annotations")
datasets_app = typer.Typer(
    help="Get ready with a benchmark: what there is, whether it is complete, features to try things on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(datasets_app, name="datasets")


def main() -> NoReturn:
    """Run a command.

    Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 stopped by Ctrl-C.
    """
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    log_to_stderr()
    stop_once()
    keep_freed_memory()
    try:
        app()
        code = 0
    except SystemExit as error:  # typer has answered a wrong usage, --help or Ctrl-C
        code = error.code if isinstance(error.code, int) else 0
        if code == STOPPED:
            say("stopped")
    except UntrimmedError as error:
        if debug:
            raise
        say(str(error) if error.exit_code == STOPPED else f"error: {error}")
        code = error.exit_code
    except BrokenPipeError:
        # Whoever reads our output has seen enough, as in `untrimmed recipes | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        if debug:
            raise
        say(
            f"error: untrimmed failed with {type(error).__name__}: {error}; this is a mistake of untrimmed, not "
            "yours: run the command again with --debug and report what it prints"
        )
        code = 1
    ignore_ctrl_c()
    sys.exit(code)


def _recipe_names(incomplete: str) -> list[str]:
    """What a shell may complete the beginning of a recipe's name to."""
    from untrimmed.recipes.built_in import built_in

    return [name for name in built_in() if name.startswith(incomplete)]


Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="Name of a built-in recipe, or a YAML file.",
        show_default=False,
        autocompletion=_recipe_names,
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Argument(metavar="[section.key=value ...]", help="What to change in the recipe.", show_default=False),
]
Subset = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only the videos of this subset.", show_default=False)
]
AnnotationFile = Annotated[
    Path,
    typer.Argument(
        metavar="ANNOTATIONS",
        help="A file (.json, .csv, .tsv), or a folder of a data set as its makers distribute it.",
        show_default=False,
    ),
]
Label = Annotated[
    Literal["verb", "noun", "action"] | None,
    typer.Option(
        metavar="KIND",
        help="Which label counts where each segment has several: verb, noun or action.",
        show_default=False,
    ),
]
VideoFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Durations and frame rates that the annotations lack: a table video,duration,fps or annotations.",
        show_default=False,
    ),
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what it makes.")] = Path("untrimmed-demo"),
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the task and of training.")] = 0,
) -> None:
    """From data to pictures, on a small generated task."""
    from untrimmed.demo.run import run_demo

    run_demo(out, seed, say=typer.echo)


@app.command()
def recipes(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Print this one.", show_default=False, autocompletion=_recipe_names),
    ] = None,
) -> None:
    """List the built-in recipes, or print one to start from."""
    from untrimmed.files import read_text
    from untrimmed.recipes.built_in import built_in

    if name is not None:
        from untrimmed.recipes.loading import find_recipe

        typer.echo(read_text(find_recipe(name)), nl=False)
        return
    width = max(map(len, built_in()))
    for title, path in built_in().items():
        typer.echo(f"{title.ljust(width)}  {read_text(path).splitlines()[0].lstrip('# ')}")


@app.command()
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
    say(f"the model is in {run.path}; detect with it: untrimmed detect {run.path} FEATURES")


@app.command()
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
) -> None:
    """Find the actions in features."""
    from untrimmed.detection.detecting import detect_to_file, own_data
    from untrimmed.detection.inputs import open_inputs, with_scores
    from untrimmed.detection.localizer import load
    from untrimmed.detection.result_files import is_json
    from untrimmed.files import require_writable
    from untrimmed.runs import recipe_of

    if inputs:
        places, chosen = inputs, _annotations(annotations, subset, label, videos)
        out = Path("detections.json") if out is None else out
    else:
        if annotations is not None or label is not None or videos is not None:
            raise InputError("--annotations, --label and --videos belong to feature files: give some INPUT")
        places, chosen = own_data(recipe_of(model), subset)
        out = model / "detections.json" if out is None else out
    is_json(out)
    require_writable(out)  # rather now than after hours of work
    known_classes = None if chosen is None else chosen.classes
    localizer = load(model, device, video_scores=video_scores, classes=known_classes)
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


@app.command()
def evaluate(
    detections: Annotated[
        Path,
        typer.Argument(
            metavar="DETECTIONS",
            help="ActivityNet JSON or CSV; or a run folder, whose detections.json is judged as its recipe says, "
            "and evaluation.json written into it.",
            show_default=False,
        ),
    ],
    annotations: Annotated[
        Path | None,
        typer.Argument(
            metavar="ANNOTATIONS",
            help="ActivityNet JSON (.json) or a table (.csv, .tsv), or a benchmark's own files; a run folder's "
            "recipe names them.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Judge as a benchmark's published figures are: thumos14, multithumos, epic-kitchens-100, "
            "activitynet13 or hacs.",
            show_default=False,
        ),
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only the videos of this subset; the protocol's when left out.",
            show_default=False,
        ),
    ] = None,
    tiou: Annotated[
        str | None,
        typer.Option(
            metavar="THRESHOLDS",
            help="first:last:step, or a list with commas; the protocol's when left out, or else 0.3:0.7:0.1.",
            show_default=False,
        ),
    ] = None,
    label: Label = None,
    videos: VideoFile = None,
    per_class: Annotated[bool, typer.Option("--per-class", help="A row for each class.")] = False,
    recall: Annotated[bool, typer.Option("--recall", help="Also Recall@1x and @5x.")] = False,
    average_recall: Annotated[
        bool, typer.Option("--average-recall", help="Also the average recall of proposals.")
    ] = False,
    all_videos: Annotated[
        bool,
        typer.Option(
            "--all-videos",
            help="Count detections in videos of other subsets as false positives, as ActivityNet's evaluator "
            "does; without it they are set aside.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="All numbers, unrounded, .json or .csv.", show_default=False),
    ] = None,
) -> None:
    """Mean average precision of detections."""
    from untrimmed.evaluation.tables import text_table, write_evaluation
    from untrimmed.judging import Question, judge

    question = Question(detections, annotations, label, videos, protocol, subset, tiou)
    result = judge(question, all_videos=all_videos, with_average_recall=average_recall, with_recall=recall)
    for remark in result.remarks():
        logging.getLogger(__name__).warning("%s", remark)
    if out is not None:
        write_evaluation(result, out)
    if detections.is_dir():
        write_evaluation(result, detections / "evaluation.json")
    typer.echo(text_table(result, per_class=per_class), nl=False)


@app.command()
def submit(
    server: Annotated[
        str, typer.Argument(metavar="SERVER", help="activitynet or epic-kitchens-100.", show_default=False)
    ],
    detections: Annotated[
        Path | None,
        typer.Argument(
            metavar="DETECTIONS",
            help="ActivityNet JSON or CSV; for EPIC-KITCHENS-100 of actions, or else --verbs and --nouns.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file for the server, .json.")] = Path(
        "submission.json"
    ),
    verbs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Detections of verbs.", show_default=False)
    ] = None,
    nouns: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Detections of nouns.", show_default=False)
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of EPIC_100_verb_classes.csv and EPIC_100_noun_classes.csv.",
            show_default=False,
        ),
    ] = None,
    supervision: Annotated[
        str | None,
        typer.Option(
            metavar="PT,TL,TD",
            help="Levels of supervision, 0 to 5, that EPIC-KITCHENS-100's server asks for: of pretraining, "
            "training labels and training data.",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With how many nouns each verb is joined; 3 when left out.",
            show_default=False,
        ),
    ] = None,
    per_video: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Keep the N best of each video; all when left out, of EPIC-KITCHENS-100's actions 2000.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """The file that a benchmark's evaluation server takes."""
    from untrimmed.submissions.servers import Request
    from untrimmed.submissions.servers import submit as write

    request = Request(server, detections, verbs, nouns, classes, supervision, pairs, per_video)
    written = write(request, out)
    say(f"{len(written)} detections in {len(written.video_ids)} videos written to {out}")


@app.command()
def results(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN ...]",
            help="Run folders with an evaluation.json, or evaluations (.json) of runs.",
            show_default=False,
        ),
    ] = None,
    note: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECIPE=TEXT",
            help="Markdown to put below the runs of a recipe; repeatable.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; printed when left out.", show_default=False),
    ] = None,
) -> None:
    """A page with the paper's tables and the runs beside them: mean and spread over seeds."""
    from untrimmed.files import write_text
    from untrimmed.report.results_page import read_notes, results_page
    from untrimmed.report.runs import read_run

    page = results_page([read_run(run) for run in runs or []], read_notes(note or []))
    if out is None:
        typer.echo(page, nl=False)
    else:
        write_text(out, page)
        say(f"{len(runs or [])} runs in {out}")


@annotations_app.command()
def check(
    file: AnnotationFile,
    strict: Annotated[bool, typer.Option("--strict", help="Make warnings errors.")] = False,
    label: Label = None,
    videos: VideoFile = None,
) -> None:
    """What is in a file of annotations, and everything that is wrong with it."""
    from untrimmed.annotations.formats import inspect_annotations
    from untrimmed.annotations.problems import errors_in
    from untrimmed.annotations.summary import format_summary, summarize

    annotations, problems = inspect_annotations(file, strict=strict, label=label, videos=videos)
    for problem in problems:
        typer.echo(f"{problem.severity}: {problem}")
    if annotations is not None:
        typer.echo(format_summary(summarize(annotations)))
    errors = len(errors_in(problems))
    if errors:
        raise InputError(f"{file} has {errors} error{'s' if errors > 1 else ''}, listed above; mend it there")


@annotations_app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="What to read.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="What to write.", show_default=False)],
    strict: Annotated[bool, typer.Option("--strict", help="Make warnings errors.")] = False,
    label: Label = None,
    videos: VideoFile = None,
) -> None:
    """Turn annotations into another format; the ending of OUT says which."""
    from untrimmed.annotations.formats import read_annotations, write_annotations

    annotations = read_annotations(source, strict=strict, label=label, videos=videos)
    write_annotations(annotations, target)
    say(f"{len(annotations.segments)} segments in {len(annotations.videos)} videos written to {target}")


@datasets_app.command("list")
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


@datasets_app.command("check")
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


@datasets_app.command()
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


@app.callback(invoke_without_command=True)
def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="On an error, print where in the code it happened.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"untrimmed {__version__}")
        raise typer.Exit
