"""The commands; what they do is elsewhere, and imported only when one of them runs."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from untrimmed import __version__
from untrimmed.cli import annotations, datasets
from untrimmed.cli.importing import import_weights
from untrimmed.cli.judging import evaluate, results, submit
from untrimmed.cli.running import demo, detect, recipes, train
from untrimmed.cli.sweeping import sweep
from untrimmed.errors import UntrimmedError
from untrimmed.memory import keep_freed_memory
from untrimmed.terminal import STOPPED, ignore_ctrl_c, log_to_stderr, say, stop_once

app = typer.Typer(
    name="untrimmed",
    help="Find every action in a long, untrimmed video or signal: which, from when, until when, how sure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, recipes, train, detect, evaluate, sweep, submit, results):
    app.command()(command)
app.command("import-weights")(import_weights)
app.add_typer(annotations.app, name="annotations")
app.add_typer(datasets.app, name="datasets")


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
