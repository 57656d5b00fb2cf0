"""The file that the simulated cloud is kept in: SQLite, whose transactions outlive the death of the process."""

import sqlite3
from pathlib import Path
from typing import TypeAlias

Database: TypeAlias = sqlite3.Connection
"""An open file; one writer at a time."""


def open_database(path: Path, schema: str) -> Database:
    """Open the file, which only its owner may read; it is made, and what its schema lacks, if it is not there."""
    path.touch(mode=0o600)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(schema)
    return database
