"""Writes commands.md from what the program says of its commands: python docs/commands.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from untrimmed.cli import app

PAGE = Path(__file__).with_name("commands.md")

HEAD = """\
# Commands

Results go to standard output, everything else to standard error. What goes wrong is said in one sentence, as
[these](bad-input.md); with `--debug`, anywhere in the command, a traceback says where in the code. Exit codes:
0 done, 1 failed, 2 wrong usage or input, 130 stopped by Ctrl-C. `untrimmed --version` prints the version, `-h` or
`--help` explains a command, and `untrimmed --install-completion` lets the shell complete commands, flags and the
names of recipes. What `section.key=value` can change stands in [recipe keys](recipe-keys.md).

This page is made from the program by `python docs/commands.py`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_part(name, command) for name, command in _commands("untrimmed", _program()))


def _program() -> Any:
    return typer.main.get_command(app)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its whole name."""
    for part, below in getattr(command, "commands", {}).items():
        if hasattr(below, "commands"):
            yield from _commands(f"{name} {part}", below)
        else:
            yield f"{name} {part}", below


def _part(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    usage = " ".join([name, *(_in_usage(one) for one in arguments)])
    lines = [f"\n## {name}\n", command.help, f"\n```\n{usage}\n```\n", "| | |", "|---|---|"]
    return "\n".join([*lines, *map(_row, command.params)]) + "\n"


def _in_usage(argument: Any) -> str:
    given: str = argument.metavar
    return given if argument.required or given.startswith("[") else f"[{given}]"


def _row(parameter: Any) -> str:
    """A table's line with the name of an argument or a flag, its meaning, and its default where it shows one."""
    name = parameter.metavar
    if parameter.param_type_name == "option":
        name = " ".join(filter(None, [parameter.opts[0], parameter.metavar]))
    shows_default = parameter.show_default and not getattr(parameter, "is_flag", False)
    default = f" Default: `{parameter.default}`." if shows_default else ""
    return f"| `{name}` | {parameter.help}{default} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
