"""The file of the simulated cloud: SQLite, whose transactions survive the death of the process."""

import sqlite3
from pathlib import Path
from typing import TypeAlias

Database: TypeAlias = sqlite3.Connection
"""An open file; one writer at a time."""


def open_database(path: Path, schema: str) -> Database:
    """Open the file, readable by its owner only; create it, and missing parts of its schema, if necessary."""
    path.touch(mode=0o600)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(schema)
    return database
