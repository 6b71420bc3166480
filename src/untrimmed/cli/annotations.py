"""`untrimmed annotations`: check a file, or turn it into another format."""

from pathlib import Path
from typing import Annotated

import typer

from untrimmed.cli.options import AnnotationFile, Label, VideoFile
from untrimmed.errors import InputError
from untrimmed.terminal import say

app = typer.Typer(
    help="Check annotations, or turn them into another format.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
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


@app.command()
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
