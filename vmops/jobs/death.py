"""Of what a worker has died that did not say so in its record."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vmops.core import host
from vmops.core.failures import Failure, FailureKind
from vmops.core.state_dir import output_path, server_output_path
from vmops.jobs.operation import Operation, State

_MOST = 1 << 16
"""Bytes of an output that are looked at, from its end."""


def cause_of_death(state_dir: Path, operation: Operation) -> Failure:
    """Say why the worker of an operation is dead that is not over.

    One that has printed something before it began could not begin, and the same call would meet the same: no module,
    no library. Every exception of one that had begun is in its record, so that one was killed.
    """
    if operation.state is State.PENDING and (said := next(_said(state_dir, operation), None)):
        path, words = said
        step = f"mend what that names, then call again; all that was said is in '{path}'"
        return Failure(FailureKind.ENGINE, f"the worker of this {operation.verb} could not begin: {words}", step=step)
    here = operation.pid and host.is_this(operation.host_id, operation.host)
    return interrupted(operation, f"died before it was over{' (killed; out of memory?)' if here else ''}")


def interrupted(operation: Operation, how: str) -> Failure:
    """Say that nobody works on an operation any more, and how that came."""
    where = f" (pid {operation.pid} on {operation.host})" if operation.pid else ""
    return Failure(FailureKind.INTERRUPTED, f"the worker of this {operation.verb}{where} {how}")


def _said(state_dir: Path, operation: Operation) -> Iterator[tuple[Path, str]]:
    """Give the last words of a worker, and of the newest fork server since its operation was asked for."""
    for path in (output_path(state_dir, operation.stack, operation.id), server_output_path(state_dir)):
        with suppress(OSError):
            if path.stat().st_mtime >= operation.created and (words := _last_line(path)):
                yield path, words


def _last_line(path: Path) -> str:
    return path.read_bytes()[-_MOST:].decode(errors="replace").strip().rpartition("\n")[2]
