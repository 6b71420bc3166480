"""Pictures of one video: of the right size, in the right colours, without a display."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from untrimmed.annotations.annotations import Annotations, Segments, Videos
from untrimmed.detection.detections import Detections
from untrimmed.errors import InputError, MissingExtraError
from untrimmed.report.timelines import COLOURS, draw_timeline

image = pytest.importorskip("matplotlib.image")

WIDTH = 1320


def truth(*rows: tuple[float, float, int], classes: int = 3, duration: float = 100.0) -> Annotations:
    start, end, label = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Annotations(
        tuple(f"class {number}" for number in range(classes)),
        Videos(("v",), np.array([duration]), np.array([30.0]), ("test",)),
        Segments(np.zeros(len(start), dtype=np.int64), start, end, label.astype(np.int64)),
    )


def found(*rows: tuple[float, float, int, float], classes: int = 3, video_id: str = "v") -> Detections:
    start, end, label, score = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return Detections(
        classes=tuple(f"class {number}" for number in range(classes)),
        video_ids=(video_id,),
        video=np.zeros(len(start), dtype=np.int64),
        start_seconds=start,
        end_seconds=end,
        label=label.astype(np.int64),
        score=score,
    ).sorted()


def picture(folder: Path, annotations: Annotations, detections: Detections, **options: Any) -> NDArray[np.uint8]:
    """The picture's pixels, (height, width, 3)."""
    draw_timeline("v", annotations, detections, folder / "v.png", **options)
    return np.round(255 * image.imread(folder / "v.png")[:, :, :3]).astype(np.uint8)


def rgb(colour: str) -> NDArray[np.uint8]:
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)], dtype=np.uint8)


def area(pixels: NDArray[np.uint8], colour: str) -> int:
    """How many pixels have this colour."""
    return int((pixels == rgb(colour)).all(axis=2).sum())


@pytest.mark.parametrize(("classes", "height"), [(1, 154), (5, 418), (20, 1408)])
def test_a_picture_grows_with_the_number_of_classes(tmp_path: Path, classes: int, height: int) -> None:
    rows = [(5.0 * label, 5.0 * label + 4, label) for label in range(classes)]
    pixels = picture(tmp_path, truth(*rows, classes=classes), found())
    assert pixels.shape == (height, WIDTH, 3)


def test_a_class_has_its_colour_whichever_others_occur(tmp_path: Path) -> None:
    alone = picture(tmp_path, truth((10, 30, 2)), found())
    together = picture(tmp_path, truth((10, 30, 2), (40, 50, 0), (60, 90, 1)), found())
    assert area(alone, COLOURS[0]) == area(alone, COLOURS[1]) == 0
    assert area(alone, COLOURS[2]) > 3000
    assert abs(area(alone, COLOURS[2]) - area(together, COLOURS[2])) < 400
    assert area(together, COLOURS[1]) > 1.3 * area(together, COLOURS[2])


def test_bars_stand_where_and_as_long_as_their_actions_are(tmp_path: Path) -> None:
    pixels = picture(tmp_path, truth((25, 50, 0)), found())
    columns = np.flatnonzero((pixels == rgb(COLOURS[0])).all(axis=2).any(axis=0))
    axis = np.flatnonzero((pixels == 0).all(axis=2).mean(axis=1) > 0.5)
    line = np.flatnonzero((pixels[axis[0]] == 0).all(axis=1))
    left, right = line.min(), line.max()
    assert abs((columns.min() - left) / (right - left) - 0.25) < 0.01
    assert abs((columns.max() - left) / (right - left) - 0.50) < 0.01


def test_a_lower_score_is_a_smaller_and_paler_bar_on_the_row_of_its_class(tmp_path: Path) -> None:
    empty = picture(tmp_path, truth((80, 90, 0)), found()).astype(int)
    bars = []
    for score in (0.9, 0.4):
        pixels = picture(tmp_path, truth((80, 90, 0)), found((10, 60, 0, score))).astype(int)
        bars.append((pixels, np.abs(pixels - empty).sum(axis=2) > 30))
    (sure, sure_bar), (unsure, unsure_bar) = bars
    assert sure_bar.sum() > 1.8 * unsure_bar.sum()
    assert sure[sure_bar].mean() < unsure[unsure_bar].mean() - 20
    true_rows = np.flatnonzero((sure == rgb(COLOURS[0])).all(axis=2)[:, sure.shape[1] * 4 // 5 :].any(axis=1))
    assert np.flatnonzero(sure_bar.any(axis=1)).min() > true_rows.max()


def test_detections_below_the_bar_or_of_other_videos_are_not_drawn(tmp_path: Path) -> None:
    nothing = picture(tmp_path, truth((80, 90, 0)), found())
    low = picture(tmp_path, truth((80, 90, 0)), found((10, 60, 0, 0.29)))
    other = picture(tmp_path, truth((80, 90, 0)), found((10, 60, 0, 0.9), video_id="w"))
    np.testing.assert_array_equal(nothing, low)
    np.testing.assert_array_equal(nothing, other)
    shown = picture(tmp_path, truth((80, 90, 0)), found((10, 60, 0, 0.29)), min_score=0.2)
    assert (shown != nothing).any()


def test_a_class_that_the_annotations_do_not_know_has_a_row_of_its_own(tmp_path: Path) -> None:
    pixels = picture(tmp_path, truth((10, 20, 0), classes=1), found((30, 60, 4, 0.9), classes=5))
    assert pixels.shape[0] == picture(tmp_path, truth((10, 20, 0), (30, 60, 1)), found()).shape[0]


@pytest.mark.parametrize("duration", [100.0, np.nan])
def test_nothing_true_and_nothing_found_is_a_picture_too(tmp_path: Path, duration: float) -> None:
    assert picture(tmp_path, truth(duration=duration), found()).shape == (154, WIDTH, 3)


def test_a_video_of_unknown_length_ends_with_what_is_in_it(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        picture(tmp_path, truth((10, 30, 0), duration=np.nan), found((20, 60, 0, 0.9))),
        picture(tmp_path, truth((10, 30, 0), duration=60.0), found((20, 60, 0, 0.9))),
    )


def test_long_names_leave_room_for_the_bars(tmp_path: Path) -> None:
    annotations = truth((0, 100, 0))
    named = Annotations(("a very long name " * 10,), annotations.videos, annotations.segments)
    assert area(picture(tmp_path, named, found()), COLOURS[0]) > 0.7 * WIDTH * 10


def test_drawing_needs_no_display_and_chooses_no_backend(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from untrimmed.demo.task import write_task\n"
        "from untrimmed.annotations.formats import read_annotations\n"
        "from untrimmed.detection.detections import Detections\n"
        "from untrimmed.report.timelines import draw_timeline\n"
        "write_task(Path('task'), 0, 1, 0)\n"
        "none = np.zeros(0, dtype=int)\n"
        "found = Detections((), (), none, none * 1.0, none * 1.0, none, none * 1.0)\n"
        "draw_timeline('sequence-001', read_annotations('task/annotations.json'), found, Path('v.png'))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    without = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment = without | {"MPLBACKEND": "tkagg"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'untrimmed\[plots\]'"):
        draw_timeline("v", truth(), found(), tmp_path / "v.png")
    assert not list(tmp_path.iterdir())


def test_a_video_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the annotations have no video w"):
        draw_timeline("w", truth(), found(), tmp_path / "w.png")
