"""Detections of verbs and detections of nouns to detections of actions, each a verb and a noun."""

import numpy as np

from untrimmed.annotations.annotations import FloatArray, IntArray, Segments
from untrimmed.detection.detections import Detections
from untrimmed.evaluation.grouping import rank_within
from untrimmed.evaluation.overlaps import Overlaps, find_overlaps

#: A verb and a noun that overlap less are not of one action.
MIN_TIOU = 0.5


def paired(verbs: Detections, nouns: Detections, pairs: int) -> Detections:
    """Actions "VERB NOUN", by falling score.

    Each verb is joined with the nouns of its video that overlap it with a tIoU of at least 0.5: with the `pairs`
    of them whose score times tIoU is highest. An action's score is the geometric mean of both scores times
    their tIoU, so that it is high only where both are, and agree on when. Its start and end are the means of
    both, weighted by the scores: the surer of the two knows better. Only verbs look for nouns, not nouns for
    verbs too, so that no pair is there twice.
    """
    video_ids = tuple(dict.fromkeys((*verbs.video_ids, *nouns.video_ids)))
    number = {name: place for place, name in enumerate(video_ids)}
    verb_video = _renumbered(verbs, number)
    noun_video = _renumbered(nouns, number)
    segments = Segments(noun_video, nouns.start_seconds, nouns.end_seconds, nouns.label)
    overlaps = find_overlaps(verbs, segments, verb_video, noun_video, min_tiou=MIN_TIOU)
    chosen = _best(overlaps, nouns.score, pairs)
    verb, noun = chosen.detection, chosen.segment
    weight, other_weight = _weights(verbs.score[verb], nouns.score[noun])
    pair, label = np.unique(verbs.label[verb] * len(nouns.classes) + nouns.label[noun], return_inverse=True)
    return Detections(
        classes=tuple(
            f"{verbs.classes[one // len(nouns.classes)]} {nouns.classes[one % len(nouns.classes)]}"
            for one in pair.tolist()
        ),
        video_ids=video_ids,
        video=verb_video[verb],
        start_seconds=weight * verbs.start_seconds[verb] + other_weight * nouns.start_seconds[noun],
        end_seconds=weight * verbs.end_seconds[verb] + other_weight * nouns.end_seconds[noun],
        label=label.astype(np.int64),
        score=np.sqrt(verbs.score[verb] * nouns.score[noun]) * chosen.tiou,
    ).sorted()


def _renumbered(detections: Detections, number: dict[str, int]) -> IntArray:
    """The video (N,) of each detection in another numbering."""
    return np.array([number[name] for name in detections.video_ids], dtype=np.int64)[detections.video]


def _best(overlaps: Overlaps, noun_score: FloatArray, pairs: int) -> Overlaps:
    """Of each verb only the `pairs` nouns with the highest score times tIoU; of equal ones, the first."""
    value = noun_score[overlaps.segment] * overlaps.tiou
    ranked = overlaps[np.lexsort((overlaps.segment, -value, overlaps.detection))]
    return ranked[rank_within(ranked.detection) <= pairs]


def _weights(score: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The share of each of two scores in their sum; halves where that is 0."""
    total = score + other
    share: FloatArray = np.divide(score, total, out=np.full_like(total, 0.5), where=total > 0)
    return share, 1 - share
