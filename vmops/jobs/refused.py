"""What Azure has refused where, for as long as it is worth remembering: the table ``refused`` of the records."""

import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

from vmops.jobs.sqlite import Database, Row
from vmops.placement.block import Block
from vmops.placement.place import Place
from vmops.placement.search import Objection, still_standing

_BLOCK = tuple(column.name for column in fields(Block))
_COLUMNS = ("cloud", "subscription", *_BLOCK, "code", "reason", "until")
_WRITE = f"INSERT OR REPLACE INTO refused ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_HERE = "cloud = ? AND subscription = ?"
_READ = f"SELECT * FROM refused WHERE {_HERE} ORDER BY until, hard DESC, code"  # noqa: S608
_DELETE = f"DELETE FROM refused WHERE {_HERE} AND {' AND '.join(f'{name} = ?' for name in _BLOCK)}"  # noqa: S608


@dataclass(frozen=True)
class RefusedPlaces:
    """What was refused in one subscription of a cloud, to whichever VM; times are seconds since the epoch."""

    database: Database
    cloud: str
    subscription: str

    def known(self) -> list[Objection]:
        """Give what still holds, what ends first the first."""
        with self.database.transaction() as rows:
            return [each for each in map(_objection, rows.execute(_READ, self._here)) if each.until > time.time()]

    def add(self, objections: Iterable[Objection]) -> None:
        """Remember refusals; what was known of the same places is known anew."""
        with self.database.transaction() as rows:
            rows.execute(f"DELETE FROM refused WHERE {_HERE} AND until <= ?", (*self._here, time.time()))  # noqa: S608
            rows.executemany(_WRITE, [self._row(each) for each in objections])

    def forget(self, place: Place | None = None) -> list[Objection]:
        """Forget what speaks against a place, because a VM was made there; without one all. Give what that was."""
        with self.database.transaction() as rows:
            found = [*map(_objection, rows.execute(_READ, self._here))]
            kept = still_standing(place, found) if place else []
            gone = [each for each in found if each not in kept]
            rows.executemany(_DELETE, [(*self._here, *astuple(each.block)) for each in gone])
        return gone

    @property
    def _here(self) -> tuple[str, str]:
        return self.cloud, self.subscription

    def _row(self, objection: Objection) -> tuple[object, ...]:
        return (*self._here, *astuple(objection.block), objection.code, objection.reason, objection.until)


def _objection(row: Row) -> Objection:
    block = {name: row[name] for name in _BLOCK}
    flags = {name: bool(block[name]) for name in ("addressed", "hard")}
    return Objection(Block(**{**block, **flags}), row["code"], row["reason"], row["until"])
