"""What all commands have in common: completion, tracebacks, our own mistakes, and pipes that close."""

import subprocess
from pathlib import Path

import pytest
from running import PROGRAM, run_apart, run_here

from untrimmed.recipes.built_in import built_in


@pytest.mark.parametrize("words", ["untrimmed train ", "untrimmed recipes "])
def test_a_shell_completes_the_names_of_recipes(words: str, tmp_path: Path) -> None:
    result = run_apart("", tmp_path, _UNTRIMMED_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="2")
    assert result.stdout.split() == list(built_in())
    result = run_apart("", tmp_path, _UNTRIMMED_COMPLETE="complete_bash", COMP_WORDS=words + "d", COMP_CWORD="2")
    assert result.stdout.split() == ["demo"]


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    plain = run_apart("annotations check nowhere.json", tmp_path)
    assert plain.stderr == "error: nowhere.json cannot be read: no such file or directory\n"
    debug = run_apart("annotations check nowhere.json --debug", tmp_path)
    assert "Traceback" in debug.stderr
    assert "untrimmed.errors.InputError: nowhere.json" in debug.stderr


def test_a_mistake_of_our_own_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> Path:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("untrimmed.recipes.loading.find_recipe", fails)
    result = run_here("recipes demo")
    assert result.code == 1
    assert result.stderr == (
        "error: untrimmed failed with ZeroDivisionError: by zero; this is a mistake of untrimmed, not yours: run "
        "the command again with --debug and report what it prints\n"
    )


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    with subprocess.Popen([PROGRAM, "recipes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
