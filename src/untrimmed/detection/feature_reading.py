"""How a model's features are read: as the recipe it was trained with says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from untrimmed.config import DataSection
from untrimmed.errors import InputError
from untrimmed.features.index import find_videos
from untrimmed.features.opening import open_features
from untrimmed.features.readers import READERS
from untrimmed.features.store import FeatureStore

VIDEO_EXTENSIONS = {".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts"}


@dataclass(frozen=True)
class FeatureReading:
    """What the `data` section of a recipe says of features.

    Attributes:
        data: the section.
        input_dim: D, the dimension of a feature vector, or None where the features decide.
        said_in: who says what the section says, for messages.
    """

    data: DataSection
    input_dim: int | None = None
    said_in: str = "the recipe's data section"

    @property
    def sources(self) -> list[Path]:
        """The places that the recipe names."""
        features = self.data.features
        return list(features) if isinstance(features, list) else [features]

    def open(
        self,
        places: Sequence[Path],
        *,
        fps_of: Mapping[str, float] | None = None,
    ) -> FeatureStore:
        """The features in these places, one for each source of the recipe.

        Args:
            places: folders or .h5 files.
            fps_of: the frame rates of videos, used where neither the recipe nor a manifest says one for all.
        """
        data = self.data
        for place in places:
            _require_features(place)
        return open_features(
            list(places),
            fps=data.fps if data.fps is not None else fps_of,
            stride=data.stride,
            window=data.window,
            raw=data.raw,
            resample_to=data.resample_to,
            dimension=data.dimension or self.input_dim,
            pattern=data.pattern,
            key=data.key,
            layout=data.layout,
            said_in=self.said_in,
        )

    def open_files(
        self, folder: Path, files: Sequence[Path], *, fps_of: Mapping[str, float] | None = None
    ) -> tuple[FeatureStore, list[str]]:
        """A store of the features in a folder, and the videos that some of its files belong to."""
        for file in files:
            _require_features(file)
            if not file.is_file():
                raise InputError(f"there is no file or folder {file}; check its name")
            if file.suffix.lower() not in READERS:
                raise InputError(f"{file} is not a feature file: those end in {', '.join(READERS)}")
        store = self.open([folder], fps_of=fps_of)
        pattern = self.data.pattern if isinstance(self.data.pattern, str) else self.data.pattern[0]
        video_of = {name: video_id for video_id, name in find_videos(folder, pattern).items()}
        for file in files:
            if file.name not in video_of:
                raise InputError(
                    f"{file} is not a feature file that this model can read: it must be named {pattern} with an "
                    "extension such as .npy"
                )
        return store, [video_of[file.name] for file in files]


def _require_features(place: Path) -> None:
    if place.suffix.lower() in VIDEO_EXTENSIONS:
        raise InputError(
            f"{place} is a video, but this model looks at features: extract them first and give the folder that "
            "holds them"
        )
