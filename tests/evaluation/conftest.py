import numpy as np
import pytest

from untrimmed.annotations.annotations import Annotations, Segments, Videos
from untrimmed.detection.detections import Detections


def columns(rows, n_columns):
    return list(zip(*rows, strict=True)) if rows else [()] * n_columns


@pytest.fixture(scope="session")
def annotations_of():
    """Annotations of rows (video, start, end, label); `videos` gives the subset of each video."""

    def build(rows, videos=None, classes=None):
        videos = videos or dict.fromkeys((row[0] for row in rows), "")
        classes = tuple(classes or sorted({row[3] for row in rows}))
        ids = tuple(videos)
        unknown = np.full(len(ids), np.nan)
        video, start, end, label = columns(rows, 4)
        return Annotations(
            classes,
            Videos(ids, unknown, unknown, tuple(videos.values())),
            Segments(
                np.array([ids.index(name) for name in video], dtype=np.int64),
                np.array(start, dtype=np.float64),
                np.array(end, dtype=np.float64),
                np.array([classes.index(name) for name in label], dtype=np.int64),
            ),
        )

    return build


@pytest.fixture(scope="session")
def detections_of():
    """Detections of rows (video, start, end, label, score), in their order."""

    def build(rows, video_ids=None, classes=None):
        video, start, end, label, score = columns(rows, 5)
        ids = tuple(video_ids or dict.fromkeys(video))
        classes = tuple(classes or dict.fromkeys(label))
        return Detections(
            classes,
            ids,
            np.array([ids.index(name) for name in video], dtype=np.int64),
            np.array(start, dtype=np.float64),
            np.array(end, dtype=np.float64),
            np.array([classes.index(name) for name in label], dtype=np.int64),
            np.array(score, dtype=np.float64),
        )

    return build
