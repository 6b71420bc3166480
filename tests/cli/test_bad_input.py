"""Whatever is wrong is said in one sentence, with the right exit code, and nothing is lost by it."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from bad_files import CTRL_C
from bad_input import ANYTHING, Case
from bad_input_table import SECTIONS, page
from running import run_here

CASES = [
    pytest.param(case, id=f"{section}: {case.wrong}")
    for section, cases in SECTIONS.items()
    for case in cases
    if case is not CTRL_C
]


@pytest.mark.usefixtures("no_new_kinds")
@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_said_in_one_sentence_and_loses_nothing(case: Case, world: Path) -> None:
    case.prepare(world)
    with case.around(world):
        before = contents()
        result = run_here(case.command)
        after = contents()
    assert result.code == case.code, result.stderr
    assert said(case.message, result.stderr), result.stderr
    assert len(re.findall("^(error|Error): ", result.stderr, re.MULTILINE)) == (case.code > 0)
    assert "Traceback" not in result.stderr
    touched = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert {path for path in touched if not path.startswith(case.writes)} == set()
    assert not [path for path in after if path.endswith(".part")]


def said(message: str, stderr: str) -> bool:
    """Whether the message stands in what was written, as one error or warning and nothing more."""
    words = ".*".join(map(re.escape, message.split(ANYTHING)))
    return re.search(f"^(error|Error|warning): {words}$(?!\n )", stderr, re.MULTILINE) is not None


def contents() -> dict[str, bytes]:
    """All files below the working directory that may be read, by path."""
    found = {}
    for path in Path().rglob("*"):
        with suppress(IsADirectoryError, PermissionError):
            found[str(path)] = path.read_bytes()
    return found


def test_a_message_is_only_taken_for_said_where_it_is_all_that_was_said() -> None:
    assert said("a [...] c", "warning: x\nerror: a b c\n")
    assert not said("a b", "error: a b c\n")
    assert not said("b c", "error: a b c\n")


def test_there_are_many_kinds_of_wrong_input() -> None:
    assert len(CASES) > 80


def test_the_page_of_wrong_input_is_up_to_date() -> None:
    committed = Path(__file__).parents[2] / "docs" / "bad-input.md"
    assert committed.read_text(encoding="utf-8") == page(), (
        "make it anew: python tests/cli/bad_input_table.py > docs/bad-input.md"
    )
