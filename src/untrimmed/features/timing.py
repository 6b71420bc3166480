"""When the vectors of each video were: what the caller and the manifests say of it, made one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from untrimmed.errors import InputError
from untrimmed.features.manifest import Manifest
from untrimmed.features.stated import Stated, agreed
from untrimmed.features.time_grid import TimeGrid

#: Where the frame rate may come from besides.
_RATES = ", or name annotations that know the frame rate of each video"


@dataclass(frozen=True)
class Timing:
    """The time grid of every video of a store.

    Attributes:
        fps: frames per second, one for all videos or one for each by video id (NaN where unknown).
        stride: frames from one vector to the next.
        window: frames that one vector sees.
    """

    fps: float | Mapping[str, float] = field(repr=False)
    stride: float
    window: float

    def grid(self, video_id: str) -> TimeGrid:
        """The grid of a video before any resampling; InputError where its frame rate is not known."""
        fps = self.fps.get(video_id, math.nan) if isinstance(self.fps, Mapping) else self.fps
        if math.isnan(fps):
            raise InputError(
                f"the frame rate of the video {video_id!r} is not known: give fps, "
                "as one number for all videos or for this one in the annotations"
            )
        if not (fps > 0 and math.isfinite(fps)):
            raise InputError(f"the frame rate of the video {video_id!r} is {fps}, but must be above 0")
        return TimeGrid(fps, self.stride, self.window)


def resolve_timing(
    fps: float | Mapping[str, float] | None,
    stride: float | None,
    window: float | None,
    said_in: str,
    manifests: Mapping[str, Manifest | None],
) -> Timing:
    """The timing that the caller, who speaks in `said_in`, and the manifests (by their path) agree on.

    `fps` as a mapping is the frame rate of each video itself. It counts where no manifest says one for all:
    features that were extracted at a common rate have that one, whatever the videos' own. Raises InputError
    where two places say different numbers, naming both, and where nobody says fps, stride or window.
    """
    fps_of = fps if isinstance(fps, Mapping) else {}
    called = {"fps": None if isinstance(fps, Mapping) else fps, "stride": stride, "window": window}
    found: dict[str, float] = {}
    for name, value in called.items():
        said = [Stated(getattr(manifest, name, None), path) for path, manifest in manifests.items()]
        stated = agreed(name, [Stated(value, said_in), *said])
        if stated is not None:
            found[name] = float(stated.value)
    missing = [name for name in called if name not in found and not (name == "fps" and fps_of)]
    if missing:
        raise InputError(
            f"{said_in} does not say the {', '.join(missing)} of the features, and no features.yaml "
            "beside them does; add what is missing to either" + (_RATES if "fps" in missing else "")
        )
    own = {video_id: float(value) for video_id, value in fps_of.items()}
    return Timing(found.get("fps", own), found["stride"], found["window"])
