"""Why a worker died that did not record it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vmops.core import host
from vmops.core.failures import Failure, FailureKind
from vmops.core.state_dir import output_path, server_output_path
from vmops.jobs.operation import Operation, State

_MOST = 1 << 16
"""Bytes at the end of an output that are examined."""


def cause_of_death(state_dir: Path, operation: Operation) -> Failure:
    """Say why the worker of an unfinished operation is dead.

    A worker that printed something before it started could not start, and the same call would fail again: no module, no
    library. A worker that had started records all its exceptions, so a silent one was killed.
    """
    if operation.state is State.PENDING and (said := next(_said(state_dir, operation), None)):
        path, words = said
        step = f"mend what that names, then call again; all that was said is in '{path}'"
        return Failure(FailureKind.ENGINE, f"the worker of this {operation.verb} could not begin: {words}", step=step)
    here = operation.pid and host.is_this(operation.host_id, operation.host)
    return interrupted(operation, f"died before it was over{' (killed; out of memory?)' if here else ''}")


def interrupted(operation: Operation, how: str) -> Failure:
    """Say that nobody works on an operation any more, and why."""
    where = f" (pid {operation.pid} on {operation.host})" if operation.pid else ""
    return Failure(FailureKind.INTERRUPTED, f"the worker of this {operation.verb}{where} {how}")


def _said(state_dir: Path, operation: Operation) -> Iterator[tuple[Path, str]]:
    """Give the last output of a worker, and of the newest fork server since its operation was requested."""
    for path in (output_path(state_dir, operation.stack, operation.id), server_output_path(state_dir)):
        with suppress(OSError):
            if path.stat().st_mtime >= operation.created and (words := _last_line(path)):
                yield path, words


def _last_line(path: Path) -> str:
    return path.read_bytes()[-_MOST:].decode(errors="replace").strip().rpartition("\n")[2]
