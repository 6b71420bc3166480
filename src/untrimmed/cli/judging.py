"""Commands that say how good detections are, and hand them on."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from untrimmed.cli.options import Label, Plugins, VideoFile
from untrimmed.terminal import say


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
    plugin: Plugins = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="All numbers, unrounded, .json or .csv.", show_default=False),
    ] = None,
) -> None:
    """Mean average precision of detections."""
    from untrimmed.evaluation.tables import text_table, write_evaluation
    from untrimmed.judging import Question, judge

    question = Question(detections, annotations, label, videos, protocol, subset, tiou, tuple(plugin or ()))
    result = judge(question, all_videos=all_videos, with_average_recall=average_recall, with_recall=recall)
    for remark in result.remarks():
        logging.getLogger(__name__).warning("%s", remark)
    if out is not None:
        write_evaluation(result, out)
    if detections.is_dir():
        write_evaluation(result, detections / "evaluation.json")
    typer.echo(text_table(result, per_class=per_class), nl=False)


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
