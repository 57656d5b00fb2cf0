"""Records in PostgreSQL, by a name that other processes import; with few imports, because many processes do."""

import os
from pathlib import Path

from vmops.jobs.cluster.postgres import upgrade
from vmops.jobs.store import Store


def shared(directory: Path) -> Store:
    """Give the records in the database that the environment names; they are the same for all directories."""
    upgrade(os.environ["TEST_DATABASE"])
    return Store(directory, os.environ["TEST_DATABASE"])
