"""A picture of one video: for each class what is true, and below it what was found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from untrimmed.annotations.annotations import Annotations, FloatArray, Segments
from untrimmed.detection.detections import Detections
from untrimmed.errors import InputError, MissingExtraError
from untrimmed.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito's colours, which people with any colour vision can tell apart; without the yellow, which is lost
#: on white. Classes whose numbers differ by a multiple of seven share one: the rows tell them apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#444444")
#: Of a row, which is 1 high: where truth begins and how high it is; the same of a detection whose score is 1.
TRUTH_TOP, TRUTH_HEIGHT = -0.40, 0.32
FOUND_TOP, FOUND_HEIGHT = -0.02, 0.44
WIDTH_INCHES, ROW_INCHES, FRAME_INCHES, DOTS_PER_INCH = 12.0, 0.6, 0.8, 110
LONGEST_NAME = 30


def draw_timeline(
    video_id: str, annotations: Annotations, detections: Detections, path: Path, *, min_score: float = 0.3
) -> None:
    """Write a PNG with a row for each class that occurs: truth as solid bars, below them the detections.

    A detection is the taller and the darker the higher its score. A class has the same colour in every picture
    of the same annotations. Needs no display, and leaves matplotlib's settings alone.

    Args:
        video_id: of a video in the annotations.
        annotations: what is true.
        detections: what was found, in any videos; classes are told apart by name.
        path: of the picture.
        min_score: detections that score lower are not drawn.

    Raises:
        InputError: the annotations have no such video, or the picture cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    if video_id not in annotations.videos.index:
        raise InputError(f"the annotations have no video {video_id}, so there is no truth to draw")
    truth = annotations.segments_of(video_id)
    found = _of_video(detections, video_id, min_score)
    names = _occurring(annotations, truth, found)
    figure, axes = _figure(rows=max(len(names), 1))
    for row, name in enumerate(names):
        mine = truth[truth.label == _index(annotations.classes, name)]
        theirs = found[found.label == _index(found.classes, name)]
        _draw_row(axes, row, COLOURS[_number(name, annotations) % len(COLOURS)], mine, theirs)
    if not names:
        axes.text(0.5, 0.5, "no actions, and none found", transform=axes.transAxes, ha="center", va="center")
    end = float(annotations.videos.duration_seconds[annotations.videos.index[video_id]])
    if np.isnan(end):
        end = float(max([*truth.end_seconds, *found.end_seconds], default=1.0))
    _label(figure, axes, names, end)
    axes.set_title(_short(video_id), loc="left", fontweight="bold")
    _explain(axes, min_score)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH)


def _draw_row(axes: "Axes", row: int, colour: str, truth: Segments, found: Detections) -> None:
    """The bars of one class."""
    heights = np.full(len(truth), TRUTH_HEIGHT)
    fills = [colour] * len(truth)
    _bars(axes, row + TRUTH_TOP, truth.start_seconds, truth.end_seconds, heights, fills, "white")
    heights = FOUND_HEIGHT * found.score
    fills = [_mixed_with_white(colour, score) for score in found.score]
    _bars(axes, row + FOUND_TOP, found.start_seconds, found.end_seconds, heights, fills, colour)


def _of_video(detections: Detections, video_id: str, min_score: float) -> Detections:
    if video_id not in detections.video_ids:
        return detections[np.zeros(len(detections), dtype=bool)]
    row = detections.video_ids.index(video_id)
    return detections[(detections.video == row) & (detections.score >= min_score)]


def _occurring(annotations: Annotations, truth: Segments, found: Detections) -> list[str]:
    """The classes that are true or found, in the order of the annotations, those it does not know last."""
    names = {annotations.classes[label] for label in truth.label} | {
        found.classes[label] for label in found.label
    }
    return sorted(names, key=lambda name: (_number(name, annotations), name))


def _number(name: str, annotations: Annotations) -> int:
    """A class's place in the annotations, behind all of theirs where they do not know it."""
    place = _index(annotations.classes, name)
    return len(annotations.classes) if place < 0 else place


def _index(classes: Sequence[str], name: str) -> int:
    """The class of this name; -1, which no row has, where there is none."""
    return classes.index(name) if name in classes else -1


def _mixed_with_white(colour: str, score: float) -> str:
    """The colour itself for a score of 1, paler for less; solid, so that bars which overlap stay apart."""
    share = 0.15 + 0.85 * min(max(score, 0.0), 1.0)
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in parts)


def _bars(
    axes: "Axes",
    top: float,
    start: FloatArray,
    end: FloatArray,
    heights: FloatArray,
    fills: Sequence[str],
    edge: str,
) -> None:
    """Bars that hang from `top` on an axis that points down, in the order given: the first is behind."""
    axes.bar(start, heights, end - start, top, align="edge", color=fills, edgecolor=edge, linewidth=0.8)


def _figure(rows: int) -> "tuple[Figure, Axes]":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plots", "drawing timelines") from error
    # Not through pyplot: that would look for a display.
    figure = Figure(figsize=(WIDTH_INCHES, FRAME_INCHES + ROW_INCHES * rows), layout="constrained")
    return figure, figure.subplots()


def _label(figure: "Figure", axes: "Axes", names: Sequence[str], end_seconds: float) -> None:
    """Names beside the rows, every second row shaded, and times below."""
    axes.set_yticks(range(len(names)), list(map(_short, names)))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    for row in range(1, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.96", zorder=-1)
    axes.set_xlim(0, end_seconds)
    axes.set_xlabel("time in seconds")
    axes.grid(axis="x", color="0.85", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _explain(axes: "Axes", min_score: float) -> None:
    """A legend above the picture, in grey for every colour."""
    from matplotlib.patches import Patch

    grey = "#444444"
    found = f"found: the surer, the taller and darker (scores under {min_score:g} are left out)"
    axes.legend(
        handles=[
            Patch(facecolor=grey, edgecolor=grey, label="true"),
            Patch(facecolor=_mixed_with_white(grey, 0.4), edgecolor=grey, label=found),
        ],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
    )
