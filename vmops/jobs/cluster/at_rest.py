"""A claim to a VM for something that is no deployment: the caller takes it, for a moment."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from vmops.core.settings import Settings
from vmops.jobs.cluster import claims
from vmops.jobs.cluster.claims import HeldClaim
from vmops.jobs.store import Store


@contextmanager
def claimed_at_rest(store: Store, settings: Settings, stack: str) -> Iterator[HeldClaim | None]:
    """Claim a VM for something that is no deployment; None if somebody works on it."""
    with claims.held(store.shared(), settings, stack, f"{os.getpid()}-{time.time_ns():x}", patience=5.0) as claim:
        yield claim
