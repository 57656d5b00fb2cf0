"""The concurrency limit of a state directory: every running deployment holds a slot while its worker lives.

Removals have slots of their own, so that they never wait for deployments.
"""

from pathlib import Path

from vmops.core import file_lock, processes
from vmops.core.polling import NotYet
from vmops.core.state_dir import liveness_lock_path, slot_path
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.store import Store

QUEUE_TIMEOUT = 7 * 86400.0
"""Seconds that a worker waits for a slot."""

_POLL_INTERVAL = 0.1
"""Seconds between two checks for a free slot, multiplied by the position in the queue."""

_MAX_POLL_INTERVAL = 1.0
"""Longest interval between two checks, in seconds."""

_PER_CORE_LOCAL = 2
"""Concurrent deployments per core on the local Azure, which answers at once: each keeps its core busy."""

_PER_CORE_REMOTE = 16
"""Concurrent deployments per core on a real cloud: each computes for 2 of 100 seconds."""

_MEMORY = 160 * 2**20
"""Bytes of memory per deployment: 120 MB for its engine, the rest for its worker. Source: measured,
docs/performance.md.
"""


def acquire_slot(state_dir: Path, operation: Operation, limit: int) -> int | None:
    """Take one of ``limit`` slots for a deployment, if one is free.

    With a limit of 0, `default_concurrency` is the limit, and only the first slot is given while less memory is free
    than a deployment needs.

    Returns: the descriptor that holds the slot, or None if there is none.
    """
    most = limit or default_concurrency(operation.cloud)
    for number in range(most):
        if number and not limit and processes.available_memory() < _MEMORY:
            return None
        held = file_lock.acquire(slot_path(state_dir, operation.verb, number))
        if held is not None:
            return held
    return None


def try_start(store: Store, state_dir: Path, operation: Operation, limit: int) -> bool | NotYet:
    """Take a slot for a worker that was started without a fork server, if it is first in the queue and one is free.

    The poll interval grows with the position in the queue. A cancelled operation passes; its record then refuses to
    start.
    """
    waiting = store.queued(operation.verb)
    if operation.id not in waiting:
        return True
    first = next((each for each, stack in waiting.items() if _lives(state_dir, stack, operation.verb)), operation.id)
    if first == operation.id and acquire_slot(state_dir, operation, limit) is not None:
        return True
    return NotYet(min(_POLL_INTERVAL * (1 + list(waiting).index(operation.id)), _MAX_POLL_INTERVAL))


def _lives(state_dir: Path, stack: str, verb: Verb) -> bool:
    return file_lock.is_locked(liveness_lock_path(state_dir, stack, verb))


def default_concurrency(cloud: str) -> int:
    """Give how many deployments run at once: a number per core, limited by half of the memory; at least one."""
    by_cores = processes.processors() * (_PER_CORE_LOCAL if cloud == "local" else _PER_CORE_REMOTE)
    return max(1, min(by_cores, processes.total_memory() // 2 // _MEMORY))
