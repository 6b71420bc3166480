"""Modules of a user's own that a recipe names, which add encoders and decoders."""

import importlib
from typing import Any

from untrimmed.errors import InputError


def import_plugins(values: dict[Any, Any]) -> None:
    """Import the modules in the `plugins` of a recipe's nested dicts.

    Raises:
        InputError: one is not installed, or fails.
    """
    names = values.get("plugins")
    for name in names if isinstance(names, list) else []:
        if not isinstance(name, str):
            continue  # which validation tells
        try:
            importlib.import_module(name)
        except Exception as error:
            raise InputError(
                f"the plugin {name} of the recipe cannot be imported ({type(error).__name__}: {error}); "
                "install it, or take it out of plugins"
            ) from error
