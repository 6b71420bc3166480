"""Prints docs/bad-input.md: python tests/cli/bad_input_table.py > docs/bad-input.md."""

from collections.abc import Sequence

from bad_annotations import ANNOTATIONS, EVALUATION
from bad_datasets import DATASETS
from bad_evaluations import JUDGING, SUBMISSIONS
from bad_features import FEATURES
from bad_files import CTRL_C, MODELS, OUTPUTS
from bad_input import ANYTHING, Case
from bad_recipes import RECIPES, USAGE
from bad_released import RELEASED
from bad_results import RESULTS
from bad_video_scores import VIDEO_SCORES

SECTIONS: dict[str, Sequence[Case]] = {
    "Usage": USAGE,
    "Recipes": RECIPES,
    "Annotations": ANNOTATIONS,
    "Features": FEATURES,
    "Data sets": DATASETS,
    "Models": MODELS,
    "Released weights": RELEASED,
    "Scores of whole videos": VIDEO_SCORES,
    "Detections and evaluation": [*EVALUATION, *JUDGING],
    "Submissions": SUBMISSIONS,
    "Results": RESULTS,
    "Outputs": [*OUTPUTS, CTRL_C],
}

HEAD = f"""\
# When something is wrong

What `untrimmed` says of wrong input, and its exit code: 0 done, with a warning; 1 failed; 2 wrong usage or input;
130 stopped by Ctrl-C. Each row is run by a test, which also sees to it that outputs which were there stay as they
were, that no half-written file is left, and that nothing in a file is ever executed. `{ANYTHING}` stands for
words of a library or of the machine. `tiny.yaml` is a recipe for a small generated task in `task`, and `trained`
a run of it.

This page is made by `python tests/cli/bad_input_table.py > docs/bad-input.md`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(title, cases) for title, cases in SECTIONS.items())


def _section(title: str, cases: Sequence[Case]) -> str:
    lines = [f"\n## {title}\n", "| what is wrong | `untrimmed ...` | what it says | code |", "|---|---|---|---|"]
    lines += [
        f"| {_cell(case.wrong)} | `{case.command}` | {_cell(case.message)} | {case.code} |" for case in cases
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text on one line that Markdown does not take for a tag, a link or emphasis."""
    for sign in "\\`*_<>[]|":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", "<br>")


if __name__ == "__main__":
    print(page(), end="")
