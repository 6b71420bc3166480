"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def recipe_names(incomplete: str) -> list[str]:
    """What a shell may complete the beginning of a recipe's name to."""
    from untrimmed.recipes.built_in import built_in

    return [name for name in built_in() if name.startswith(incomplete)]


Recipe = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="Name of a built-in recipe, or a YAML file.",
        show_default=False,
        autocompletion=recipe_names,
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
Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="MODULE",
        help="Import this module, which adds the encoder or decoder of the model: one of your own, or of someone "
        "you trust. May be given several times.",
        show_default=False,
    ),
]
