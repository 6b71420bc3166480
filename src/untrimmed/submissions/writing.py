"""What the files of both servers have in common: entries of videos, a video a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from untrimmed.annotations.problems import quoted
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.grouping import rank_within
from untrimmed.files import replacing


def best_of_each_video(detections: Detections, number: int) -> Detections:
    """The `number` best detections of each video, by falling score."""
    ranked = detections.sorted()
    return ranked[rank_within(ranked.video) <= number]


def by_video(detections: Detections, entries: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each video, also those without any, with the entries of its detections in their order."""
    order = np.argsort(detections.video, kind="stable")
    ends = np.searchsorted(detections.video[order], np.arange(len(detections.video_ids)), side="right")
    first = 0
    for video_id, last in zip(detections.video_ids, ends.tolist(), strict=True):
        yield video_id, [entries[row] for row in order[first:last].tolist()]
        first = last


def write_results(path: Path, head: str, videos: Iterable[tuple[str, list[str]]], tail: str = "") -> None:
    """Write {HEAD, "results": {VIDEO: [ENTRY, ..]}TAIL}, whole or not at all; entries are JSON already."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        separator = ""
        stream.write(f'{{{head}, "results": {{')
        for video_id, entries in videos:
            stream.write(f"{separator}\n{quoted(video_id)}: [{', '.join(entries)}]")
            separator = ","
        stream.write(f"\n}}{tail}}}\n")
