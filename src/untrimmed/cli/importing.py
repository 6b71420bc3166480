"""`untrimmed import-weights`: weights of the authors' releases, made a model of ours."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from untrimmed.cli.options import Changes, recipe_names
from untrimmed.errors import InputError
from untrimmed.terminal import say


def import_weights(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A checkpoint of a released system or of OpenTAD: .pth, .pth.tar, .pt, .safetensors.",
            show_default=False,
        ),
    ],
    changes: Changes = None,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The model, .safetensors.", show_default=False)],
    system: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="actionformer, temporalmaxer, tridet, actionmamba or cltdr-gmg; left out, what it looks like.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE",
            help="Built-in recipe, or YAML file: says what a checkpoint does not, such as data and windows.",
            show_default=False,
            autocompletion=recipe_names,
        ),
    ] = None,
    padding: Annotated[
        Literal["own", "release"] | None,
        typer.Option(
            metavar="WHOSE",
            help="release: padding takes part, as where the weights are from; own: results do not depend on it. "
            "Left out, as the recipe says, or release.",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of the classes: annotations, or one a line; left out, the recipe's annotations.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a model of the weights of a released system."""
    from untrimmed.checkpoint import save_checkpoint
    from untrimmed.files import require_writable
    from untrimmed.released.importing import import_weights as read
    from untrimmed.released.loading import tensors_named

    if out.suffix != ".safetensors":
        raise InputError(f"{out} must end in .safetensors to be a model")
    if out.exists() and file.exists() and out.samefile(file):
        raise InputError(f"--out is {file} itself, which would be lost: give another file")
    require_writable(out)
    done = read(
        file, system=system, recipe=recipe, overrides=changes or [], padding=padding, classes_file=classes
    )
    save_checkpoint(done.checkpoint, out)
    say(f"{file} holds {done.recognised}: {done.told}")
    say(f"classes are named by {done.classes_from}: {_few(done.checkpoint.classes)}")
    if done.left_out:
        say(f"left out, since it is no weight or never used: {tensors_named(list(done.left_out))}")
    say("it does not say the following; change what is wrong with section.key=value:")
    for line in done.untold:
        say(f"  {line}")
    say(f"the model is in {out}; detect with it: untrimmed detect {out} FEATURES")


def _few(names: tuple[str, ...]) -> str:
    """The first few of them."""
    return ", ".join(names[:3]) + (f" ... {names[-1]} ({len(names)})" if len(names) > 3 else "")
