"""The recipes that come with the package; apart, so that a shell completes their names without delay."""

from pathlib import Path

FOLDER = Path(__file__).parent


def built_in() -> dict[str, Path]:
    """The built-in recipes by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"), key=lambda path: path.stem)}


def tables() -> dict[str, Path]:
    """The built-in grids, the tables of the paper, by name."""
    found = (FOLDER / "tables").glob("*.yaml")
    return {path.stem: path for path in sorted(found, key=lambda path: (len(path.stem), path.stem))}
