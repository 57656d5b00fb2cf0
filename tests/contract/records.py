"""Records in PostgreSQL, by a name that other processes can resolve; light, because many do."""

import os
from pathlib import Path

from vmops.jobs.cluster.postgres import upgrade
from vmops.jobs.store import Store


def shared(directory: Path) -> Store:
    """Give the records in the database that the environment names; all directories have the same."""
    upgrade(os.environ["TEST_DATABASE"])
    return Store(directory, os.environ["TEST_DATABASE"])
