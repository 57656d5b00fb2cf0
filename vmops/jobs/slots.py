"""The concurrency limit of a state directory: every running deployment holds a slot while its worker lives.

Removals have slots of their own, so that they never wait for deployments.
"""

from pathlib import Path

from vmops.core import file_lock, processes
from vmops.core.polling import NotYet
from vmops.core.state_dir import liveness_lock_path, slot_path
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.store import Store

LONGEST_QUEUE = 7 * 86400.0
"""Seconds for which a worker waits for a slot."""

_LOOK = 0.1
"""Seconds between two checks for a free slot, for each operation that is ahead in the queue."""

_REST = 1.0
"""Longest interval between two checks, in seconds."""

_PER_CORE_LOCAL = 2
"""Deployments for each core where the cloud answers at once and each deployment uses its core all the time."""

_PER_CORE_REMOTE = 16
"""Deployments for each core where the cloud takes its time: each computes for two of 100 seconds."""

_MEMORY = 160 * 2**20
"""Bytes of memory for one deployment: its engine takes 120 MB, its worker the rest. Source: measured,
docs/performance.md.
"""


def acquire_slot(state_dir: Path, operation: Operation, limit: int) -> int | None:
    """Take a slot for a deployment, if one of ``limit`` is free.

    A limit of 0 means as many as the cores and half of the memory allow; no deployment starts while less memory is free
    than it needs.

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
    """Check whether a worker that was started alone may start, and keep its slot then.

    Earlier operations go first, and the poll interval grows with the position in the queue. A cancelled operation is
    let through; its record then refuses to start.
    """
    waiting = store.queued(operation.verb)
    if operation.id not in waiting:
        return True
    first = next((each for each, stack in waiting.items() if _lives(state_dir, stack, operation.verb)), operation.id)
    if first == operation.id and acquire_slot(state_dir, operation, limit) is not None:
        return True
    return NotYet(min(_LOOK * (1 + list(waiting).index(operation.id)), _REST))


def _lives(state_dir: Path, stack: str, verb: Verb) -> bool:
    return file_lock.is_locked(liveness_lock_path(state_dir, stack, verb))


def default_concurrency(cloud: str) -> int:
    """How many deployments run at once: a number for each core, limited by half of the memory; at least one."""
    by_cores = processes.processors() * (_PER_CORE_LOCAL if cloud == "local" else _PER_CORE_REMOTE)
    return max(1, min(by_cores, processes.total_memory() // 2 // _MEMORY))
