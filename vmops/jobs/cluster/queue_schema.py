"""The tables of procrastinate, the queue, as its own schema and migrations define them."""

import re
from collections.abc import Iterator

NEEDED = 3_040_050
"""The migration that the queue of this vmops needs at least. Source: procrastinate 3.10."""

_MIGRATION = re.compile(r"(\d+)\.(\d+)\.(\d+)_(\d+)_.*\.sql")


def due(found: int) -> Iterator[tuple[int, str]]:
    """Give the scripts that a database lacks, by the migration that they lead to; ``found`` is its last, 0 for none."""
    from importlib.resources import files

    place = files("procrastinate.sql")
    migrations = {_number(each.name): each for each in (place / "migrations").iterdir() if _number(each.name)}
    if not found:
        yield max(migrations), (place / "schema.sql").read_text()
        return
    for number in sorted(each for each in migrations if each > found):
        yield number, migrations[number].read_text()


def _number(name: str) -> int:
    """Give a migration's number from the name of its file: 3.4.0, file 50, is 3040050; 0 if it is no migration."""
    read = _MIGRATION.fullmatch(name)
    if read is None:
        return 0
    major, minor, patch, file = map(int, read.groups())
    return major * 1_000_000 + minor * 10_000 + patch * 100 + file
