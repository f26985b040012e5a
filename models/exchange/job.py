"""One import under way: what its steps share."""

from dataclasses import dataclass, field

from models.exchange.files import File
from models.exchange.problems import Problems
from models.exchange.report import ImportReport, Progress, Tally
from models.exchange.stage import Stage
from models.exchange.target import Target


@dataclass
class Job:
    """What is known while files become rows.

    Args:
        stage: the temporary tables and the one transaction.
        problems: everything that is wrong so far.
        bulk_from: from how many rows on an empty table gets its indexes after its rows.
        progress: told of stages.
        said: the columns that each file has.
    """

    stage: Stage
    problems: Problems
    bulk_from: int
    progress: Progress
    report: ImportReport = field(default_factory=ImportReport)
    said: dict[File, frozenset[str]] = field(default_factory=dict)

    def columns(self, file: File) -> frozenset[str]:
        """The columns that the file has; none for a file that isn't there."""
        return self.said.get(file, frozenset())

    def tally(self, file: File) -> Tally:
        """The counts of the file's kind."""
        return self.report.kinds.setdefault(file.stem, Tally())

    def is_read(self, *files: File) -> bool:
        """Whether any row of these kinds was read."""
        return any(self.report.kinds[file.stem].read for file in files if file.stem in self.report.kinds)

    async def write(self, file: File, target: Target) -> None:
        """Write the file's resolved rows and count them."""
        tally = self.tally(file)
        tally.created, tally.changed = await target.write(self.stage, self.columns(file))
