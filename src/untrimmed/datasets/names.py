"""Whether the names of feature files are those of the annotated videos, and with which pattern they would be."""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from untrimmed.features.index import few, split_pattern
from untrimmed.features.readers import READERS

#: So many names decide which pattern is tried; all are then counted.
TRIED_NAMES = 100


def stems(folder: Path) -> list[str]:
    """The names of the feature files in a folder, without extension, in alphabetical order."""
    if not folder.is_dir():
        return []
    files = (path for path in folder.iterdir() if path.suffix.lower() in READERS and path.name[0] != ".")
    return sorted(path.stem for path in files)


def fitting_pattern(names: Collection[str], video_ids: Collection[str]) -> tuple[str, int] | None:
    """The pattern, such as v_{video}, that makes most names those of videos, and how many; None without one."""
    known = set(video_ids)
    tried = sorted(names)[:: max(len(names) // TRIED_NAMES, 1)]
    ends = Counter(end for name in tried for end in _ends(name, known))
    if not ends:
        return None
    (before, after), _ = max(ends.items(), key=lambda item: (item[1], -len("".join(item[0])), item[0]))
    count = sum(_inner(name, before, after) in known for name in names)
    return f"{before}{{video}}{after}", count


def with_pattern(pattern: str, names: Collection[str], video_ids: Collection[str]) -> str | None:
    """What to set data.pattern to where no name fits `pattern`; None where one does, or no pattern would do."""
    before, after = split_pattern(pattern)
    found = fitting_pattern(names, video_ids)
    if found is None or any(_inner(name, before, after) for name in names):
        return None
    return f"with data.pattern={found[0]} {found[1]} of them belong to annotated videos"


def of_other_videos(names: Collection[str], stems_found: Collection[str], video_ids: Iterable[str]) -> str | None:
    """A sentence where most features belong to no annotated video; None where at least half do.

    Args:
        names: the ids that the files have under the recipe's pattern.
        stems_found: the names of the files, without extension.
        video_ids: all annotated videos.
    """
    known = set(video_ids)
    own = len(known.intersection(names))
    if 2 * own >= len(names):
        return None
    share = "none" if own == 0 else f"only {own}"
    found = fitting_pattern(stems_found, known)
    sentence = (
        f"{share} of the {len(names)} feature files {'belong' if own > 1 else 'belongs'} to an annotated video: "
        f"names such as {few(set(names) - known)}; the annotated videos have names such as {few(known)}; "
    )
    if found is not None and found[1] > own:
        return sentence + f"with data.pattern={found[0]} {found[1]} of the files would belong to one"
    return sentence + "are these the features of another data set, or does data.pattern need a prefix?"


def _ends(name: str, known: set[str]) -> set[tuple[str, str]]:
    """What stands before and after each known id in a name."""
    length = len(name)
    return {
        (name[:start], name[stop:])
        for start in range(length)
        for stop in range(start + 1, length + 1)
        if name[start:stop] in known
    }


def _inner(name: str, before: str, after: str) -> str:
    fits = name.startswith(before) and name.endswith(after)
    return name[len(before) : len(name) - len(after)] if fits else ""
