"""The file that ActivityNet's evaluation server takes.

{"version": "VERSION 1.3", "results": {
"sJFgo9H6zNo": [{"label": "Fun sliding down", "score": 0.83, "segment": [1.5, 3.0]}]
}, "external_data": {}}

Described at https://github.com/activitynet/ActivityNet/blob/master/Evaluation/README.md
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from untrimmed.annotations.problems import first_few, quoted
from untrimmed.detection.detections import Detections
from untrimmed.detection.result_formats import external_data
from untrimmed.errors import InputError
from untrimmed.submissions.writing import best_of_each_video, by_video, write_results

#: Feature files are named v_ID. Some IDs begin with v_ themselves, but all have this many characters.
ID_LENGTH = 11
PREFIX = "v_"


def write_submission(detections: Detections, path: Path, per_video: int | None = None) -> Detections:
    """Write the file, and return what is in it.

    Args:
        detections: of the server's videos, whose names may begin with v_ as feature files do.
        path: where to.
        per_video: how many of the best detections of a video; None for all, since the server states no limit.

    Raises:
        InputError: two names are of one video, or the file cannot be written.
    """
    kept = detections.sorted() if per_video is None else best_of_each_video(detections, per_video)
    kept = replace(kept, video_ids=_ids(kept.video_ids))
    labels = [quoted(name) for name in kept.classes]
    entries = [
        f'{{"label": {labels[label]}, "score": {score!r}, "segment": [{start!r}, {end!r}]}}'
        for label, score, start, end in zip(
            kept.label.tolist(),
            kept.score.tolist(),
            kept.start_seconds.tolist(),
            kept.end_seconds.tolist(),
            strict=True,
        )
    ]
    head, tail = '"version": "VERSION 1.3"', f', "external_data": {external_data(kept.classifier)}'
    write_results(path, head, by_video(kept, entries), tail)
    return kept


def _ids(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names without the v_ of feature files."""
    ids = tuple(name.removeprefix(PREFIX) if len(name) == len(PREFIX) + ID_LENGTH else name for name in names)
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise InputError(f"the detections name videos both with v_ and without: {first_few(twice)}; keep one")
    return ids
