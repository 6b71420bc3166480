"""Annotations of which only the times count."""

from dataclasses import replace

import numpy as np

from untrimmed.annotations.annotations import Annotations

#: What everything is called where it does not matter which action it is.
ACTION = "action"


def class_agnostic(annotations: Annotations) -> Annotations:
    """The same videos and segments, all of one class named "action"."""
    segments = replace(annotations.segments, label=np.zeros_like(annotations.segments.label))
    return replace(annotations, classes=(ACTION,), segments=segments)
