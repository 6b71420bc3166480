"""Detections judged as a benchmark's published figures are."""

from dataclasses import replace

from untrimmed.annotations.annotations import Annotations
from untrimmed.annotations.subsets import chosen_subset
from untrimmed.detection.detections import Detections
from untrimmed.errors import InputError
from untrimmed.evaluation.evaluator import Evaluation, evaluate, require_common_names, without_other_subsets
from untrimmed.evaluation.protocols import PROTOCOLS
from untrimmed.evaluation.repeats import first_of_each
from untrimmed.evaluation.thresholds import DEFAULT_TIOU, parse_tiou


def judge_by_protocol(
    detections: Detections,
    annotations: Annotations,
    protocol: str | None,
    *,
    subset: str | None = None,
    tiou: str | None = None,
    all_videos: bool = False,
    with_average_recall: bool = False,
    with_recall: bool = False,
) -> Evaluation:
    """How good detections are under a protocol.

    Args:
        detections: of any videos.
        annotations: read with `as_written=True` for a protocol: the ground truth is then neither cut nor dropped.
        protocol: a name in PROTOCOLS; None for none, which judges all videos at 0.3:0.7:0.1.
        subset: another one than the protocol's.
        tiou: other thresholds than the protocol's, as `thresholds.parse_tiou` reads them.
        all_videos: whether detections in videos of other subsets are false positives, as in ActivityNet's
            evaluator; otherwise they are set aside.
        with_average_recall: whether to compute the proposals' average recall too.
        with_recall: whether to compute Recall@1x and @5x too.

    Raises:
        InputError: the thresholds are wrong, the subset is not in the annotations or holds no ground truth, or
            the detections are of another data set or subset.
    """
    rules = None if protocol is None else PROTOCOLS[protocol]
    chosen = rules.subset if subset is None and rules is not None else subset
    thresholds = parse_tiou(tiou or (DEFAULT_TIOU if rules is None else rules.tiou))
    require_common_names(detections, annotations)
    if chosen is not None:
        _require_videos_of(chosen, detections, annotations)
    if chosen is not None and not all_videos:
        detections = without_other_subsets(detections, annotations, chosen)
    counted = annotations
    if rules is not None and rules.repeats_count_once:
        counted = replace(annotations, segments=annotations.segments[first_of_each(annotations.segments)])
    result = evaluate(
        detections,
        counted,
        tiou_thresholds=thresholds,
        subset=chosen,
        with_average_recall=with_average_recall,
        with_recall=with_recall,
    )
    before = annotations if chosen is None else annotations.subset(chosen)
    return replace(
        result,
        n_repeats=len(before.segments) - int(result.n_segments.sum()),
        provenance=replace(result.provenance, protocol=protocol),
    )


def _require_videos_of(subset: str, detections: Detections, annotations: Annotations) -> None:
    """InputError where the detections name videos, but none of the subset: they are those of another one."""
    named = set(detections.video_ids)
    if named and not named & set(chosen_subset(annotations, subset).videos.ids):
        raise InputError(
            f'the detections are in {len(named)} videos, none of which is of subset "{subset}": detect in its '
            "videos, or judge another subset"
        )
