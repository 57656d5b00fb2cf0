"""How many deployments of a state directory work at once: a slot each, held for as long as its worker lives.

Removals have slots of their own, so that they wait for nothing that is being made.
"""

from pathlib import Path

from vmops.core import file_lock, processes
from vmops.core.polling import NotYet
from vmops.core.state_dir import liveness_lock_path, slot_path
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.store import Store

LONGEST_QUEUE = 7 * 86400.0
"""Seconds for which a worker waits for its turn."""

_LOOK = 0.1
"""Seconds between two looks whether it is a worker's turn, for each that waits up to it."""

_REST = 1.0
"""The most seconds between two looks."""

_PER_CORE_LOCAL = 2
"""Deployments for each core where the cloud answers at once, so that they compute all the time."""

_PER_CORE_REMOTE = 16
"""Deployments for each core where the cloud takes its time: of 100 seconds they compute two."""

_MEMORY = 160 * 2**20
"""Bytes that a deployment needs: its engine 120 MB, its worker the rest. Source: measured, docs/performance.md."""


def acquire_slot(state_dir: Path, operation: Operation, limit: int) -> int | None:
    """Take a slot for a deployment, if one of ``limit`` is free.

    With a limit of 0 it is as many as the cores can serve and half of the memory can hold, and no further one begins
    while less is free than it needs.

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
    """Look whether a worker that was started alone may begin, and keep its slot then.

    Those that were admitted earlier go first, and whoever has many before it looks the less often. What was cancelled
    is not waiting any more, and begins in vain.
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
    """How many deployments run at once: a number a core, bounded by half of the memory; at least one."""
    by_cores = processes.processors() * (_PER_CORE_LOCAL if cloud == "local" else _PER_CORE_REMOTE)
    return max(1, min(by_cores, processes.total_memory() // 2 // _MEMORY))
