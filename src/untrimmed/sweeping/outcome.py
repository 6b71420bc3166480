"""What a sweep ends with."""

from dataclasses import dataclass

from untrimmed.errors import UntrimmedError


@dataclass(frozen=True)
class Outcome:
    """The table, and what is missing in it.

    Attributes:
        page: the table in Markdown.
        failed: a sentence for each run that failed.
        total: of all runs.
    """

    page: str
    failed: tuple[str, ...]
    total: int

    def require_all(self) -> None:
        """UntrimmedError that lists the runs that failed, if any did."""
        if self.failed:
            listed = "".join(f"\n  {sentence}" for sentence in self.failed)
            raise UntrimmedError(
                f"{len(self.failed)} of {self.total} runs failed; the same command tries them again:{listed}"
            )
