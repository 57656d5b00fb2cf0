"""The places that Azure has refused, each until a time: the table ``refused`` of the records."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

from vmops.jobs.tables import Tables
from vmops.placement.block import Block
from vmops.placement.place import Place
from vmops.placement.search import Objection, remaining

_BLOCK = tuple(column.name for column in fields(Block))
_COLUMNS = ("cloud", "subscription", *_BLOCK, "code", "reason", "until")
_WRITE = f"""INSERT INTO refused ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
  ON CONFLICT (cloud, subscription, {", ".join(_BLOCK)}) DO UPDATE SET code = excluded.code, reason = excluded.reason,
    until = excluded.until"""  # noqa: S608
_HERE = "cloud = ? AND subscription = ?"
_READ = f"SELECT * FROM refused WHERE {_HERE} ORDER BY until, hard DESC, code"  # noqa: S608
_DELETE = f"DELETE FROM refused WHERE {_HERE} AND {' AND '.join(f'{name} = ?' for name in _BLOCK)}"  # noqa: S608


@dataclass(frozen=True)
class RefusedPlaces:
    """The refusals in one subscription of a cloud, of any VM; times are seconds since the epoch."""

    database: Tables
    cloud: str
    subscription: str

    def known(self) -> list[Objection]:
        """Give the refusals that have not expired, sorted by their expiry."""
        return [each for each in map(_objection, self.database.select(_READ, self._here)) if each.until > time.time()]

    def add(self, objections: Iterable[Objection]) -> None:
        """Remember refusals; they replace earlier ones of the same places. Expired ones are deleted."""
        with self.database.transaction() as rows:
            rows.execute(f"DELETE FROM refused WHERE {_HERE} AND until <= ?", (*self._here, time.time()))  # noqa: S608
            rows.executemany(_WRITE, [self._row(each) for each in objections])

    def forget(self, place: Place | None = None) -> list[Objection]:
        """Forget the refusals that match a place; without a place, all. Give what was forgotten."""
        with self.database.transaction() as rows:
            found = [*map(_objection, rows.execute(_READ, self._here))]
            kept = remaining(place, found) if place else []
            gone = [each for each in found if each not in kept]
            rows.executemany(_DELETE, [(*self._here, *_plain(each.block)) for each in gone])
        return gone

    @property
    def _here(self) -> tuple[str, str]:
        return self.cloud, self.subscription

    def _row(self, objection: Objection) -> tuple[object, ...]:
        return (*self._here, *_plain(objection.block), objection.code, objection.reason, objection.until)


def _plain(block: Block) -> list[object]:
    """Give the column values of a block; booleans as numbers, because PostgreSQL does not convert them."""
    return [int(each) if isinstance(each, bool) else each for each in astuple(block)]


def _objection(row: Mapping[str, Any]) -> Objection:
    block = {name: row[name] for name in _BLOCK}
    flags = {name: bool(block[name]) for name in ("addressed", "hard")}
    return Objection(Block(**{**block, **flags}), row["code"], row["reason"], row["until"])
