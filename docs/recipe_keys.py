"""Writes recipe-keys.md from the schema of a recipe: python docs/recipe_keys.py."""

from pathlib import Path

from pydantic import BaseModel

from untrimmed.recipes.keys import Key, keys

PAGE = Path(__file__).with_name("recipe-keys.md")

HEAD = """\
# Recipe keys

Every key of a recipe, what it may be, and what it is if the recipe does not say. On the command line a key is
changed with its sections before it, as in `untrimmed train demo training.epochs=30`; `null` stands for nothing,
and a list is written `training.crop_ratio=[0.8,1]`. A list that may hold more is shown with `...`. Lengths of
segments and sequences are in steps of the features.

A recipe may begin with `base: NAME`, the name of a built-in recipe or a YAML file: what it does not say itself
is then as that one says. `name` is what it is called in tables; without it, that is its file's name.

This page is made from the schema, `src/untrimmed/config/`, by `python docs/recipe_keys.py`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_part(key, key.section) for key in keys() if key.section is not None)


def _part(heading: Key, section: type[BaseModel]) -> str:
    """A heading, and the keys of a section but not of the sections in it, which have their own."""
    path = heading.path
    own = [key for key in keys(section, path) if key.path[:-1] == path and key.section is None]
    of_kind = "" if heading.kind is None else f": {heading.kind}"
    is_off = " Nothing of the kind if the section is left out." if heading.default == "null" else ""
    lines = [
        f"\n{'#' * (1 + len(path))} {heading.name}{of_kind}\n",
        f"{section.__doc__}{is_off}\n",
        "| key | may be | if left out | meaning |",
        "|---|---|---|---|",
        *map(_row, own),
    ]
    return "\n".join(lines) + "\n"


def _row(key: Key) -> str:
    default = f"`{key.default}`" if key.default else "must be given"
    meaning = key.field.description or ""
    return f"| `{key.path[-1]}` | {key.allowed} | {default} | {meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
