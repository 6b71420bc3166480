"""Finds every action in a long, untrimmed video or signal: which, from when, until when, how sure.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from untrimmed.annotations.annotations import Annotations
    from untrimmed.annotations.formats import read_annotations, write_annotations
    from untrimmed.config import Recipe
    from untrimmed.detection.detections import Detection, Detections
    from untrimmed.detection.loading import load
    from untrimmed.detection.localizer import Localizer
    from untrimmed.detection.result_files import read_detections, write_detections
    from untrimmed.errors import InputError, UntrimmedError
    from untrimmed.evaluation.evaluator import Evaluation, evaluate
    from untrimmed.features.opening import open_features
    from untrimmed.features.sequence import FeatureSequence
    from untrimmed.features.store import FeatureStore
    from untrimmed.features.time_grid import TimeGrid
    from untrimmed.recipes.loading import load_recipe
    from untrimmed.training.fit import train

__version__ = "0.1.0"

__all__ = [
    "Annotations",
    "Detection",
    "Detections",
    "Evaluation",
    "FeatureSequence",
    "FeatureStore",
    "InputError",
    "Localizer",
    "Recipe",
    "TimeGrid",
    "UntrimmedError",
    "evaluate",
    "load",
    "load_recipe",
    "open_features",
    "read_annotations",
    "read_detections",
    "train",
    "write_annotations",
    "write_detections",
]

#: Where each of them is.
_MODULES = {
    "Annotations": "annotations.annotations",
    "Detection": "detection.detections",
    "Detections": "detection.detections",
    "Evaluation": "evaluation.evaluator",
    "FeatureSequence": "features.sequence",
    "FeatureStore": "features.store",
    "InputError": "errors",
    "Localizer": "detection.localizer",
    "Recipe": "config",
    "TimeGrid": "features.time_grid",
    "UntrimmedError": "errors",
    "evaluate": "evaluation.evaluator",
    "load": "detection.loading",
    "load_recipe": "recipes.loading",
    "open_features": "features.opening",
    "read_annotations": "annotations.formats",
    "read_detections": "detection.result_files",
    "train": "training.fit",
    "write_annotations": "annotations.formats",
    "write_detections": "detection.result_files",
}


if not TYPE_CHECKING:  # or a type checker would take every name for one that exists

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
