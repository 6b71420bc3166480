"""How each benchmark is judged: which videos, at which overlaps, and against what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Protocol:
    """The way in which published figures of a data set are made.

    Attributes:
        title: the data set, as papers write it.
        subset: whose videos are judged.
        tiou: the thresholds that mAP is averaged over, as `thresholds.parse_tiou` reads them.
        shown: the thresholds that tables of papers show beside the average.
        repeats_count_once: whether an instance that the file holds twice (same class, both ends within 1 ms) is
            one, as in the evaluator of ActionFormer and those who followed it.
    """

    title: str
    subset: str
    tiou: str
    shown: tuple[float, ...]
    repeats_count_once: bool = False


#: By the name that recipes and commands use. Thresholds: the paper, "Evaluation Metric" and Tables 1-5. Under
#: each of them the ground truth is as written: segments that end after their video stay as they are.
PROTOCOLS = {
    "thumos14": Protocol("THUMOS14", "test", "0.3:0.7:0.1", (0.3, 0.4, 0.5, 0.6, 0.7)),
    "multithumos": Protocol("MultiTHUMOS", "testing", "0.1:0.9:0.1", (0.2, 0.5, 0.7)),
    "epic-kitchens-100": Protocol("EPIC-KITCHENS-100", "validation", "0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
    "activitynet13": Protocol("ActivityNet-1.3", "validation", "0.5:0.95:0.05", (0.5, 0.75, 0.95), True),
    "hacs": Protocol("HACS", "validation", "0.5:0.95:0.05", (0.5, 0.75, 0.95), True),
}
