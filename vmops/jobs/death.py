"""Why a worker died without recording a failure."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vmops.core import host
from vmops.core.failures import Failure, FailureKind
from vmops.core.state_dir import output_path, server_output_path
from vmops.jobs.operation import Operation, State

_TAIL = 1 << 16
"""Bytes that are read from the end of an output."""


def cause_of_death(state_dir: Path, operation: Operation) -> Failure:
    """Give the failure of an unfinished operation whose worker is dead.

    A worker that printed something while its operation was pending could not start: a module or a library is missing,
    and the same call would fail again. A worker that has started records all its exceptions, so a silent one was
    killed.
    """
    if operation.state is State.PENDING and (output := next(_output(state_dir, operation), None)):
        path, line = output
        step = f"fix the cause, then call again; the whole output is in '{path}'"
        return Failure(FailureKind.ENGINE, f"the worker of this {operation.verb} could not start: {line}", step=step)
    here = operation.pid and host.is_this(operation.host_id, operation.host)
    return interrupted(operation, f"died before it was done{' (killed; out of memory?)' if here else ''}")


def interrupted(operation: Operation, how: str) -> Failure:
    """Give the failure of an operation whose worker was ended; ``how`` completes a sentence about the worker."""
    where = f" (pid {operation.pid} on {operation.host})" if operation.pid else ""
    return Failure(FailureKind.INTERRUPTED, f"the worker of this {operation.verb}{where} {how}")


def _output(state_dir: Path, operation: Operation) -> Iterator[tuple[Path, str]]:
    """Give the last line that the worker, or the fork server, has printed since the operation was requested."""
    for path in (output_path(state_dir, operation.stack, operation.id), server_output_path(state_dir)):
        with suppress(OSError):
            if path.stat().st_mtime >= operation.created and (line := _last_line(path)):
                yield path, line


def _last_line(path: Path) -> str:
    return path.read_bytes()[-_TAIL:].decode(errors="replace").strip().rpartition("\n")[2]
