"""Which of the videos that are asked for can be read, and what is wrong with the others."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from untrimmed.errors import InputError
from untrimmed.features.index import few
from untrimmed.features.problems import NotFiniteError, WrongDimensionError
from untrimmed.features.store import FeatureStore


@dataclass(frozen=True)
class Survey:
    """What was found of each video that was asked for: each is in one of the first five.

    Attributes:
        lengths: the steps of each video that can be read.
        missing: videos without features.
        unreadable: videos whose file is broken, empty, refused, or without a frame rate; why.
        wrong_dimension: videos whose vectors have another number of values than the others'; why.
        not_finite: videos with NaN or infinity; why.
        cut: videos in `lengths` of which one source was longer than another and lost its last steps.
    """

    lengths: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    wrong_dimension: dict[str, str] = field(default_factory=dict)
    not_finite: dict[str, str] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many videos were asked for."""
        broken = len(self.unreadable) + len(self.wrong_dimension) + len(self.not_finite)
        return len(self.lengths) + len(self.missing) + broken

    def sentences(self) -> list[str]:
        """One sentence for each kind of problem that occurs: how many videos, which, and why the first."""
        reasons = {
            "have features that cannot be read": self.unreadable,
            "have features of a wrong dimension": self.wrong_dimension,
            "have features that are NaN or infinite": self.not_finite,
        }
        found = [counted(self.missing, self.asked, "have no features")] if self.missing else []
        for what, videos in reasons.items():
            if videos:
                found.append(f"{counted(videos, self.asked, what)} ({videos[min(videos)]})")
        if self.cut:
            what = "have sources of different length and are cut to the shortest"
            found.append(counted(self.cut, self.asked, what))
        return found


def survey(store: FeatureStore, video_ids: Iterable[str], *, values: bool = True) -> Survey:
    """Looks at the features of every video once; problems are collected and end nothing.

    Args:
        store: the features.
        video_ids: each once; taken as they are read, so they may be wrapped to show progress.
        values: read every file whole, which finds NaN and most damage; without, only its header, where its
            format has one.
    """
    found = Survey()
    for video_id in video_ids:
        if video_id not in store:
            found.missing.append(video_id)
            continue
        try:
            found.lengths[video_id] = len(store[video_id]) if values else _length_by_header(store, video_id)
        except NotFiniteError as error:
            found.not_finite[video_id] = str(error)
        except WrongDimensionError as error:
            found.wrong_dimension[video_id] = str(error)
        except InputError as error:
            found.unreadable[video_id] = str(error)
        else:
            if video_id in store.cut:
                found.cut.append(video_id)
    return found


def _length_by_header(store: FeatureStore, video_id: str) -> int:
    """T, after everything was checked that can be without reading values; opens the file once."""
    # Where sequences are stretched it is the grid that opens the file, elsewhere the length.
    store.grid(video_id)
    return store.length(video_id)


def missing_videos(store: FeatureStore, video_ids: Iterable[str]) -> list[str]:
    """The videos without features, in the order given; looks only at the list of files."""
    return [video_id for video_id in video_ids if video_id not in store]


def counted(names: Collection[str], total: int, what: str) -> str:
    """How many of `total` videos it concerns, and the first few: "2 of 9 videos have no features: a, b"."""
    return f"{len(names)} of {total} videos {what}: {few(names)}"
