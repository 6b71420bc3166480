"""What an evaluation was made of: numbers without it cannot be compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """What was judged with what; None where nobody said, as of annotations that are no file.

    Attributes:
        annotations: path of the file of the ground truth.
        videos: path of the file that durations and frame rates were taken from.
        label: which label of a segment counted, where the file gives several.
        protocol: name in `protocols.PROTOCOLS`.
        subset: whose videos were judged; None: all, or those that the detections name.
        only_named_videos: whether only the videos that the detections name were judged.
        classifier: name of the file of video scores that gave the detections their classes; None where the
            detector itself did.
        recipe: name of the recipe of the run that made the detections.
        seed: of that run.
    """

    annotations: str | None = None
    videos: str | None = None
    label: str | None = None
    protocol: str | None = None
    subset: str | None = None
    only_named_videos: bool = False
    classifier: str | None = None
    recipe: str | None = None
    seed: int | None = None

    def sentence(self) -> str:
        """What was judged with what, on one line."""
        told = [
            "judged with " + (self.annotations or "the annotations given"),
            self.label and f"label {self.label}",
            self._videos(),
            f"protocol {self.protocol}" if self.protocol else "no protocol",
            f"classifier {self.classifier}" if self.classifier else None,
            self.recipe and f"recipe {self.recipe}",
            None if self.seed is None else f"seed {self.seed}",
        ]
        return ", ".join(part for part in told if part)

    def _videos(self) -> str:
        if self.subset is not None:
            return f"subset {self.subset}"
        return "the videos that the detections name" if self.only_named_videos else "all videos"
