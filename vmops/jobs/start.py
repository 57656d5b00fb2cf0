"""Starts the worker of a deployment: forked by the state directory's fork server, or as a new process.

The caller never waits until a fork server is ready. It opens the server's socket itself, passes the listening end to
the process that it starts, and leaves its job, with the VM's lock, in the queue of the connection.
"""

import hashlib
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, cast

from vmops.core import children, file_lock, host, interpreter, peers, private, processes
from vmops.core.children import Apart, Child
from vmops.core.environment import filtered_environment
from vmops.core.errors import StartFailed
from vmops.core.log import get_logger
from vmops.core.settings import Settings
from vmops.core.state_dir import gate_path, log_path, output_path, server_output_path, socket_path
from vmops.jobs.operation import Operation
from vmops.jobs.order import JobMessage, JobRequest

_PATIENCE = 5.0
"""Seconds to wait for other callers that are sending their jobs."""

_BACKLOG = 1024
_LONGEST_ADDRESS = 100
"""Bytes in the address of a Unix socket. Source: unix(7): 108, on other systems 104, with a final zero."""


def start_worker(settings: Settings, operation: Operation, order: JobRequest, held: int) -> None:
    """Start the worker of a recorded operation; it holds the lock ``held`` from its first moment on."""
    state_dir = settings.state_dir
    log = log_path(state_dir, operation.stack, operation.id)
    private.make_directory(log.parent)
    environment = filtered_environment(os.environ, cloud=operation.cloud, backend=order.backend)
    environment.update(_told(settings))
    if settings.worker_idle:
        try:
            return _send_to_fork_server(settings, operation, order, environment, held)
        except OSError as error:
            get_logger().warning("no_fork_server", operation=operation.id, cause=str(error))
    return _spawn(settings, operation, order, environment, held)


def _told(settings: Settings) -> dict[str, str]:
    """Give what processes of ours are told by their environment; by it all those of a host are known, too."""
    return {"VMOPS_STATE_DIR": str(settings.state_dir), "VMOPS_HOST": host.name(), **settings.shared()}


def end_stopped_server(state_dir: Path) -> bool:
    """Kill stopped fork servers together with the locks that they hold; tell whether there were any.

    They have no work of their own; callers send their queued jobs again.
    """
    servers = (processes.process(pid) for pid in processes.running("vmops.jobs.fork_server", str(state_dir)))
    stopped = [server for server in servers if server and processes.is_stopped(server.pid)]
    for server in stopped:
        get_logger().warning("fork_server_stopped", killed=server.pid)
        processes.send(server, signal.SIGKILL)
    return bool(stopped)


def _spawn(settings: Settings, operation: Operation, order: JobRequest, environment: dict[str, str], held: int) -> None:
    arguments = [
        str(settings.state_dir),
        operation.id,
        str(held),
        str(settings.workers or 0),
        interpreter.code_id(),
    ]
    with private.open_file(output_path(settings.state_dir, operation.stack, operation.id), "wb") as output:
        process = _python("vmops.jobs.worker", arguments, environment, output, held, stdin=children.PIPE)
    with (
        suppress(BrokenPipeError),
        cast(IO[bytes], process.stdin) as pipe,
    ):  # a waiting caller learns why the worker died
        pipe.write(order.to_wire())


def _send_to_fork_server(
    settings: Settings, operation: Operation, order: JobRequest, environment: dict[str, str], held: int
) -> None:
    """Send a job to the fork server, which is started if there is none.

    Raises: OSError if there can be none, or if nothing was sent.
    """
    handed = JobMessage(operation.id, settings.workers or 0, environment, order.to_wire(), held)
    gate = gate_path(settings.state_dir)  # held: no fork server leaves meanwhile, and nobody else starts one
    with (
        file_lock.holding(gate, _PATIENCE, lambda: TimeoutError(f"{gate} is held")),
        closing(_connected(settings)) as connection,
    ):
        handed.send(connection)


def _connected(settings: Settings) -> socket.socket:
    path = socket_path(settings.state_dir, _code_version(settings))
    with _address(path) as address:
        with suppress(ConnectionRefusedError, FileNotFoundError, PermissionError):
            return _reach(address)
        _start_server(settings, path, address)
        return _reach(address)


def _reach(address: str) -> socket.socket:
    """Connect to whoever listens at an address, if it is a process of ours.

    Raises: PermissionError if it is another user's: a job contains secrets; OSError if nobody listens.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        peers.refuse_unix(connection)
    except OSError:
        connection.close()
        raise
    return connection


def _start_server(settings: Settings, path: Path, address: str) -> None:
    """Start a fork server that listens where the last one of its code did; only its owner may connect."""
    private.make_directory(path.parent)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
        backend = settings.backend() if settings.database_url else ""
        environment = filtered_environment(os.environ, cloud="local", backend=backend) | _told(settings)
        served = map(str, (settings.state_dir, path, listener.fileno(), settings.worker_idle, interpreter.code_id()))
        with private.open_file(server_output_path(settings.state_dir), "ab") as output:
            _python("vmops.jobs.fork_server", [*served], environment, output, listener.fileno())


def _python(
    module: str,
    arguments: list[str],
    environment: dict[str, str],
    output: IO[bytes],
    descriptor: int,
    stdin: int = children.NOTHING,
) -> Child:
    """Start a module of ours in a session of its own, in a fixed directory; it inherits one descriptor.

    Raises: StartFailed if it cannot be run.
    """
    command = interpreter.command(module, *arguments)
    try:
        process = children.start(
            command,
            apart=Apart.SESSION,
            stdin=stdin,
            stdout=output,
            stderr=output,
            cwd=arguments[0],
            env=interpreter.environment(environment),
            inherits=[descriptor],
        )
    except OSError as error:
        raise StartFailed(f"{command[0]} cannot be started: {error.strerror}", "mend that, then call again") from error
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    return process


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give an address for a socket's path; a path that is too long goes through its directory (Linux only)."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    private.make_directory(path.parent)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _code_version(settings: Settings) -> str:
    """Name the code that runs, how it is found, and where its records are: a fork server of another is not asked."""
    found = interpreter.environment(interpreter.loader_variables(os.environ))
    names = [interpreter.find(), interpreter.code_id(), *map("=".join, sorted(found.items()))]
    names += filter(None, [settings.database_url])
    stamps = _stamps(tuple(interpreter.search_path()))
    return hashlib.sha256(os.fsencode("\n".join([*names, *stamps]))).hexdigest()[:16]


@cache
def _stamps(places: Sequence[str]) -> list[str]:
    """Give when the running vmops, and what is installed beside it or packed into archives, was written."""
    package = interpreter.PACKAGE
    others = (Path(place) for place in places if place.endswith("-packages") or Path(place).is_file())
    files = {*package.rglob("*.py"), *(package / "stacks").glob("*.py"), *filter(Path.exists, others)}
    return [f"{file} {file.stat().st_mtime_ns}" for file in sorted(files)]
