"""What happens when, from a detector that only knows when, and a classifier that only knows what."""

from dataclasses import dataclass

import numpy as np

from untrimmed.annotations.annotations import FloatArray
from untrimmed.detection.timed_labels import TimedLabels
from untrimmed.detection.video_scores import VideoScores


@dataclass(frozen=True)
class ScoreFusion:
    """How the detections of a class-agnostic model get classes: those that their whole video most likely shows.

    Attributes:
        scores: of whole videos.
        video_classes: how many of the best classes of a video its detections get.
        fused_detections: how many of its best detections get them.
    """

    scores: VideoScores
    video_classes: int = 2
    fused_detections: int = 200

    def label(self, video_id: str, found: TimedLabels) -> TimedLabels:
        """The detections of a video with classes; InputError where its classes are not known."""
        return fused(
            found,
            self.scores.of(video_id),
            detections=self.fused_detections,
            classes=self.video_classes,
        )


def fused(
    found: TimedLabels, class_scores: FloatArray, *, detections: int = 200, classes: int = 2
) -> TimedLabels:
    """The best detections of one video, each once for each of its best classes, by falling score.

    The score is sqrt(class score * detection score), as in the released systems of the ActionFormer family.
    OpenTAD takes the product without the root for ActivityNet, which orders all detections alike. A class that
    scores 0 is not in the video.

    Args:
        found: what a class-agnostic model found; its labels are not looked at.
        class_scores: (K,) in [0, 1], of the whole video.
        detections: how many of the best ones count.
        classes: how many of the best ones each gets.
    """
    best = np.argsort(-found.score, kind="stable")[:detections]
    likely = np.argsort(-class_scores, kind="stable")[:classes]
    likely = likely[class_scores[likely] > 0]
    score = np.sqrt(class_scores[likely, None] * found.score[best]).ravel()
    label, row = np.repeat(likely, len(best)), np.tile(best, len(likely))
    order = np.argsort(-score, kind="stable")
    return TimedLabels(found.start_seconds[row][order], found.end_seconds[row][order], label[order], score[order])
