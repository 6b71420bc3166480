"""A trained detector that is given features and returns timed labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from untrimmed.config import DetectionSection
from untrimmed.detection.candidates import Candidates, candidates
from untrimmed.detection.detections import Detections
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.detection.nms import Suppression
from untrimmed.detection.score_fusion import ScoreFusion
from untrimmed.detection.timed_labels import TimedLabels, timed_labels
from untrimmed.errors import InputError
from untrimmed.features.sequence import FeatureSequence
from untrimmed.features.store import FeatureStore
from untrimmed.features.time_grid import TimeGrid
from untrimmed.models.detector import ActionDetector


@dataclass(frozen=True)
class Decoding:
    """How dense predictions become timed labels.

    Attributes:
        threshold: points must score higher to become candidates.
        candidates_per_level: the most that one level of one video may give.
        min_steps: candidates must be longer, in steps.
        min_seconds: detections must be longer, after the cut to the video.
        suppression: which candidates stay.
    """

    threshold: float = 0.001
    candidates_per_level: int = 2000
    min_steps: float = 0.05
    min_seconds: float = 0.0
    suppression: Suppression = field(default_factory=Suppression)

    @classmethod
    def of(cls, section: DetectionSection) -> "Decoding":
        """What a recipe says."""
        thinning = section.suppression
        return cls(
            threshold=section.threshold,
            candidates_per_level=section.candidates_per_level,
            min_steps=section.min_steps,
            min_seconds=section.min_seconds,
            suppression=Suppression(
                method=thinning.method,
                sigma=thinning.sigma,
                tiou_threshold=thinning.tiou,
                min_score=thinning.min_score,
                max_detections=thinning.max_detections,
                per_class=thinning.per_class,
                voting_tiou=thinning.voting_tiou,
                voting_weight=thinning.voting_weight,
            ),
        )


class Localizer:
    """Finds the actions in feature sequences.

    Args:
        detector: the network.
        classes: K names, in the order of its logits.
        decoding: how its predictions become timed labels.
        features: how the files of its features are read.
        device: where to compute: cpu, cuda, cuda:1 ..., or auto for a GPU where there is one.
        fusion: how the detections of a class-agnostic model are labelled; None: as the network does.

    Attributes:
        classes: those of its detections.
    """

    def __init__(
        self,
        detector: ActionDetector,
        classes: Sequence[str],
        decoding: Decoding,
        features: FeatureReading,
        device: torch.device | str = "cpu",
        fusion: ScoreFusion | None = None,
    ) -> None:
        self.features = features
        self.device = chosen_device(device)
        self.detector = detector.to(self.device).eval()
        self.classes = tuple(classes) if fusion is None else fusion.scores.classes
        self.decoding = decoding
        self.fusion = fusion

    @property
    def classifier(self) -> str:
        """The file of video scores that names the classes of detections, "" for none."""
        return "" if self.fusion is None else self.fusion.scores.name

    @torch.inference_mode()
    def localize(
        self, sequences: Sequence[FeatureSequence], durations_seconds: Sequence[float] | None = None
    ) -> list[TimedLabels]:
        """The actions in each of B sequences, computed as one batch, with the labels of the network.

        Args:
            sequences: of any lengths; each result is the same whatever else is in the batch.
            durations_seconds: B ends of the videos, NaN where unknown: then the end of the last window.
        """
        found = self._candidates([sequence.values for sequence in sequences])
        ends = [sequence.grid.end_seconds(len(sequence)) for sequence in sequences]
        if durations_seconds is not None:
            given = durations_seconds
            ends = [end if np.isnan(said) else said for said, end in zip(given, ends, strict=True)]
        return [
            timed_labels(one, sequence.grid, end, self.decoding.suppression, self.decoding.min_seconds)
            for one, sequence, end in zip(found, sequences, ends, strict=True)
        ]

    def detect(
        self, source: FeatureSequence | NDArray[np.float32] | Path | str, grid: TimeGrid | None = None
    ) -> Detections:
        """The actions in one sequence.

        Args:
            source: a FeatureSequence; or an array (T, D) with its `grid`; or a feature file, which is read as
                the model's recipe says.
            grid: the time of each step of an array.

        Raises:
            InputError: the source cannot be read, or does not fit the model.
        """
        if self.fusion is not None and not isinstance(source, Path | str):
            raise InputError(
                f"the classes in {self.fusion.scores.name} are found by the name of a video, which an array does "
                "not have: give a feature file, or load the model without video scores"
            )
        if isinstance(source, FeatureSequence):
            name, sequence = "sequence", source
        elif isinstance(source, np.ndarray):
            if grid is None:
                raise InputError("an array needs the times of its steps: pass grid=TimeGrid(fps, stride, window)")
            name, sequence = "sequence", FeatureSequence(np.asarray(source, dtype=np.float32), grid)
        else:
            store, (name,) = self.features.open_files(Path(source).parent, [Path(source)])
            sequence = store[name]
        self._check(sequence)
        found = self._labelled(name, self.localize([sequence])[0])
        return collect(self.classes, {name: found}, self.classifier)

    def detect_videos(
        self, store: FeatureStore, durations_seconds: Mapping[str, float]
    ) -> Iterator[tuple[str, TimedLabels | InputError]]:
        """The actions in the videos of a store, the longest first, or why one could not be read.

        Args:
            store: the features.
            durations_seconds: the videos to look at, and where each ends; NaN where that is unknown.
        """
        lengths: dict[str, int] = {}
        for video_id in durations_seconds:
            try:
                if self.fusion is not None:
                    self.fusion.scores.of(video_id)  # rather now than after its detections were found
                lengths[video_id] = store.length(video_id)
            except InputError as error:
                yield video_id, error
        for batch in batches_by_length(lengths, batch_steps(self.device)):
            sequences = {}
            for video_id in batch:
                try:
                    sequences[video_id] = store[video_id]
                    self._check(sequences[video_id])
                except InputError as error:
                    sequences.pop(video_id, None)
                    yield video_id, error
            if sequences:
                durations = [durations_seconds[video_id] for video_id in sequences]
                for video_id, found in zip(
                    sequences, self.localize(list(sequences.values()), durations), strict=True
                ):
                    yield video_id, self._labelled(video_id, found)

    def _labelled(self, video_id: str, found: TimedLabels) -> TimedLabels:
        return found if self.fusion is None else self.fusion.label(video_id, found)

    def _check(self, sequence: FeatureSequence) -> None:
        expected = self.features.input_dim
        if sequence.values.ndim != 2 or sequence.values.shape[1] != expected:
            raise InputError(
                f"the model was trained on vectors of {expected} values, but these are of shape "
                f"{sequence.values.shape}, where (steps, {expected}) is needed"
            )
        if len(sequence) == 0:
            raise InputError("there is no step in the sequence, and so nothing to detect in")
        if not np.isfinite(sequence.values).all():
            raise InputError("the sequence holds values that are NaN or infinite; remove them")

    def _candidates(self, values: Sequence[NDArray[np.float32]]) -> list[Candidates]:
        lengths = [len(rows) for rows in values]
        batch = torch.empty(len(values), max(lengths), values[0].shape[1])
        for row, rows in zip(batch, values, strict=True):
            row[: len(rows)] = torch.from_numpy(np.ascontiguousarray(rows))
            row[len(rows) :] = 0
        return candidates(
            self.detector(batch.to(self.device), lengths),
            threshold=self.decoding.threshold,
            per_level=self.decoding.candidates_per_level,
            min_steps=self.decoding.min_steps,
        )


def batch_steps(device: torch.device) -> int:
    """How many padded steps are computed at once.

    Enough to keep a GPU busy. A processor is no faster with more than one long video at a time, and needs less
    memory then (benchmarks/inference.py).
    """
    return 2304 if device.type == "cpu" else 8192


def batches_by_length(lengths: Mapping[str, int], steps: int) -> Iterator[list[str]]:
    """The videos in batches of about equal length, the longest first, none over `steps` when padded."""
    batch: list[str] = []
    for video_id in sorted(lengths, key=lambda name: (-lengths[name], name)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > steps:
            yield batch
            batch = []
        batch.append(video_id)
    if batch:
        yield batch


def collect(classes: Sequence[str], found: Mapping[str, TimedLabels], classifier: str = "") -> Detections:
    """The timed labels of several videos as one table, by falling score.

    Args:
        classes: what the labels are indices into.
        found: by video.
        classifier: the file of video scores that named the classes, "" for none.
    """
    labels = list(found.values())
    counts = [len(one.score) for one in labels]

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(one, name) for one in labels] or [np.zeros(0)])

    return Detections(
        classes=tuple(classes),
        video_ids=tuple(found),
        video=np.repeat(np.arange(len(labels)), counts),
        start_seconds=column("start_seconds"),
        end_seconds=column("end_seconds"),
        label=column("label").astype(np.int64),
        score=column("score"),
        classifier=classifier,
    ).sorted()


def chosen_device(name: torch.device | str) -> torch.device:
    """The device of this name; InputError where this machine does not have it."""
    has_gpu = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if has_gpu else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"there is no device {name}: give cpu, cuda, or auto") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"the device {name} is not there or cannot be used: give cpu, or auto")
    return device
