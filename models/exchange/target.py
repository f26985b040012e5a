"""Writing resolved rows: what is new is inserted, what differs is updated, the rest is left alone.

A resolved table (`ready_*`) has, beside the cells, `id` (of the row that it becomes or is), `is_new` and `changed`.
"""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from dataclasses import dataclass

from models.exchange.files import File
from models.exchange.stage import Stage
from models.exchange.values import BOOLEAN, DAY, INSTANT

_READ_AS = {BOOLEAN: "FLAG(r.{})", DAY: "DAY(r.{})", INSTANT: "INSTANT(r.{})"}


@dataclass(frozen=True)
class Field:
    """A column and where its value comes from.

    Args:
        column: of the database's table.
        value: SQL over the resolved row `r`.
        default: SQL that stands in for null in a new row. In a row that exists null then leaves the column alone.
        is_kept: null leaves the column alone, though there is no default.
        is_fixed: written with a new row and never again.
        said_by: the file's column that gives it; a file without that column leaves existing rows alone.
    """

    column: str
    value: str
    default: str | None = None
    is_kept: bool = False
    is_fixed: bool = False
    said_by: str | None = None

    @property
    def keeps(self) -> bool:
        """Whether null leaves an existing row's column alone."""
        return self.is_kept or self.default is not None

    @property
    def inserted(self) -> str:
        """The value in a new row."""
        return self.value if self.default is None else f"coalesce({self.value}, {self.default})"

    @property
    def differs(self) -> str:
        """Whether the row `t` that exists has another value."""
        different = f"DIFFERS(t.{self.column}, {self.value})"
        return f"({self.value} IS NOT NULL AND {different})" if self.keeps else different

    @property
    def updated(self) -> str:
        """The assignment in an UPDATE of `t`."""
        value = f"coalesce({self.value}, t.{self.column})" if self.keeps else self.value
        return f"{self.column} = {value}"


def cells(file: File, *names: str, **defaults: str) -> tuple[Field, ...]:
    """Fields that are columns of the file under the same name; those with a default last."""
    kinds = {column.name: column.kind for column in file.columns}
    return tuple(
        Field(name, _READ_AS.get(kinds[name], "r.{}").format(name), defaults.get(name), said_by=name)
        for name in (*names, *defaults)
    )


DATES = (
    Field("created_at", "INSTANT(r.created_at)", default="NOW()", said_by="created_at"),
    Field("updated_at", "INSTANT(coalesce(r.updated_at, r.created_at))", default="NOW()", is_fixed=True),
)
"""Of a row whose file tells both instants; `updated_at` moves by itself when a row that exists is changed."""


@dataclass(frozen=True)
class Target:
    """One table of the database and the resolved rows that are written to it."""

    table: str
    ready: str
    fields: tuple[Field, ...]
    is_versioned: bool = True
    key: str = "id"
    """The column that the resolved rows' `id` means."""

    async def mark(self, stage: Stage, said: frozenset[str]) -> None:
        """Set `changed` on the resolved rows whose row in the database has other values."""
        differences = " OR ".join(field.differs for field in self._said(said))
        if differences:
            await stage.run(
                f"UPDATE {self.ready} AS r SET changed = 1 FROM {self.table} AS t"
                f" WHERE t.{self.key} = r.id AND r.is_new = 0 AND r.changed = 0 AND ({differences})"
            )

    async def write(self, stage: Stage, said: frozenset[str]) -> tuple[int, int]:
        """Update what is marked and insert what is new. Returns how many were created and changed."""
        changed = await self._update(stage, said)
        return await self._insert(stage), changed

    async def _update(self, stage: Stage, said: frozenset[str]) -> int:
        assignments = [field.updated for field in self._said(said)]
        if self.is_versioned:
            assignments += ["version = t.version + 1", "updated_at = NOW()"]
        if not assignments:
            return 0
        return await stage.run(
            f"UPDATE {self.table} AS t SET {', '.join(assignments)} FROM {self.ready} AS r"
            f" WHERE t.{self.key} = r.id AND r.changed = 1"
        )

    async def _insert(self, stage: Stage) -> int:
        fields = (Field(self.key, "r.id"), *self.fields)
        names = ", ".join(field.column for field in fields) + (", version" if self.is_versioned else "")
        values = ", ".join(field.inserted for field in fields) + (", 1" if self.is_versioned else "")
        return await stage.run(
            f"INSERT INTO {self.table} ({names}) SELECT {values} FROM {self.ready} AS r"
            f" WHERE r.is_new = 1 ORDER BY r.id"
        )

    def _said(self, said: frozenset[str]) -> list[Field]:
        return [
            field for field in self.fields if not field.is_fixed and (field.said_by is None or field.said_by in said)
        ]
