"""What was found when features were compared with annotations, as a table and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from untrimmed.errors import InputError
from untrimmed.features.index import few

#: The share of the examples' column in a line, so that tables stay readable.
EXAMPLES_CHARACTERS = 60


@dataclass(frozen=True)
class Finding:
    """What some videos have in common.

    Attributes:
        what: said of them, as "have no features".
        videos: each with the details, "" where there are none.
        is_trouble: whether it keeps the features from being complete.
        of_needed: whether the videos are some of those that are needed.
    """

    what: str
    videos: Mapping[str, str]
    is_trouble: bool = True
    of_needed: bool = True


@dataclass(frozen=True)
class Report:
    """What was found of the videos that a recipe needs.

    Attributes:
        about: one line on what was compared.
        asked: how many videos are needed.
        findings: those that concern some videos, in the order in which they are told.
        remarks: sentences about all videos together.
    """

    about: str
    asked: int
    findings: Sequence[Finding]
    remarks: Sequence[str] = ()

    @property
    def troubles(self) -> list[Finding]:
        """The findings that keep the features from being complete."""
        return [finding for finding in self.findings if finding.is_trouble]

    @property
    def in_order(self) -> int:
        """How many of the videos have features that fit."""
        return self.asked - len({video for finding in self.troubles for video in finding.videos})

    def text(self) -> str:
        """The whole report: what was compared, a table with a row for each finding, and sentences."""
        rows = [("", "videos", "share", "examples"), ("fit", *self._numbers(self.in_order), "")]
        rows += [
            (
                finding.what,
                *self._numbers(len(finding.videos), has_share=finding.of_needed),
                _shortened(few(finding.videos)),
            )
            for finding in self.findings
        ]
        details = [_first_detail(finding) for finding in self.findings if any(finding.videos.values())]
        sentences = [*details, *self.remarks]
        if not self.troubles:
            sentences.append(f"complete: the features of all {self.asked} videos are there and fit")
        return "\n".join([self.about, "", *_aligned(rows), *(["", *sentences] if sentences else [])]) + "\n"

    def require_complete(self) -> None:
        """Raises InputError, which counts what is wrong, where the features are not complete."""
        if self.troubles:
            counts = ", ".join(f"{len(finding.videos)} {finding.what}" for finding in self.troubles)
            raise InputError(
                f"the features are not complete: of {self.asked} videos {counts}; see the table above"
            )

    def _numbers(self, count: int, *, has_share: bool = True) -> tuple[str, str]:
        return str(count), f"{count / self.asked:.1%}" if has_share else ""


def _first_detail(finding: Finding) -> str:
    first = min(video for video, detail in finding.videos.items() if detail)
    return f"{finding.what}: {finding.videos[first]}"


def _shortened(text: str) -> str:
    return text if len(text) <= EXAMPLES_CHARACTERS else text[: EXAMPLES_CHARACTERS - 3] + "..."


def _aligned(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    """The numbers to the right, the rest to the left, two spaces between."""
    what, videos, share, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        f"{row[0].ljust(what)}  {row[1].rjust(videos)}  {row[2].rjust(share)}  {row[3]}".rstrip() for row in rows
    ]
