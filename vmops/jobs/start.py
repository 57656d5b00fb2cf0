"""Starts the worker of a deployment: forked by the state directory's fork server, or as a new process.

The caller never waits until a fork server is ready. It opens the listening socket itself, passes it to the server that
it starts, and sends its job with the VM's lock; the connection keeps the job until the server accepts it.
"""

import hashlib
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
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

_GATE_TIMEOUT = 5.0
"""Seconds to wait for other callers that are sending their jobs."""

_BACKLOG = 1024
"""Connections that wait until the fork server accepts them."""

_MAX_ADDRESS = 100
"""Bytes in the address of a Unix socket. Source: unix(7): 108, on other systems 104, with a final zero."""


def start_worker(settings: Settings, operation: Operation, order: JobRequest, held: int) -> None:
    """Start the worker of a recorded operation; it inherits the lock with the descriptor ``held``."""
    state_dir = settings.state_dir
    log = log_path(state_dir, operation.stack, operation.id)
    private.make_directory(log.parent)
    environment = filtered_environment(os.environ, cloud=operation.cloud, backend=order.backend)
    environment.update(_own_environment(settings))
    if settings.worker_idle:
        try:
            return _send_to_fork_server(settings, operation, order, environment, held)
        except OSError as error:
            get_logger().warning("no_fork_server", operation=operation.id, cause=str(error))
    return _spawn(settings, operation, order, environment, held)


def _own_environment(settings: Settings) -> dict[str, str]:
    """Give the environment variables that every process of vmops gets; the processes of a host are found by them."""
    return {"VMOPS_STATE_DIR": str(settings.state_dir), "VMOPS_HOST": host.name(), **settings.shared()}


def start_server(settings: Settings) -> None:
    """Have a fork server ready, so that the first worker begins as soon as all others."""
    if settings.worker_idle:
        with suppress(OSError), _gate(settings), closing(_connected(settings)):
            pass


def end_stopped_server(state_dir: Path) -> bool:
    """Kill stopped (SIGSTOP) fork servers, which frees the locks that they hold; tell whether there were any.

    They do no work of their own, and callers send their queued jobs again.
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
    with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as pipe:  # a wait reports why a worker died
        pipe.write(order.to_wire())


def _send_to_fork_server(
    settings: Settings, operation: Operation, order: JobRequest, environment: dict[str, str], held: int
) -> None:
    """Send a job to the fork server, which is started if there is none.

    Raises: OSError if it cannot be started, or if the job was not sent.
    """
    message = JobMessage(operation, settings.workers or 0, environment, order.to_wire(), held)
    with _gate(settings), closing(_connected(settings)) as connection:
        message.send(connection)


def _gate(settings: Settings) -> AbstractContextManager[int]:
    """Hold the gate: no fork server leaves meanwhile, and nobody else starts one. Raises: TimeoutError."""
    gate = gate_path(settings.state_dir)
    return file_lock.holding(gate, _GATE_TIMEOUT, lambda: TimeoutError(f"{gate} is held"))


def _connected(settings: Settings) -> socket.socket:
    """Connect to the fork server, which is started if there is none."""
    path = socket_path(settings.state_dir, _code_version(settings))
    with _address(path) as address:
        with suppress(ConnectionRefusedError, FileNotFoundError, PermissionError):
            return _connect(address)
        _start_server(settings, path, address)
        return _connect(address)


def _connect(address: str) -> socket.socket:
    """Connect to a process of this user that listens at an address.

    Raises: PermissionError if it is another user's, because a job contains secrets; OSError if none listens.
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
    """Start a fork server at a path; a stale socket file is replaced, and only the owner may connect."""
    private.make_directory(path.parent)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
        backend = settings.backend() if settings.database_url else ""
        environment = filtered_environment(os.environ, cloud="local", backend=backend) | _own_environment(settings)
        served = map(str, (settings.state_dir, path, listener.fileno(), settings.worker_idle, interpreter.code_id()))
        written_to = server_output_path(settings.state_dir)
        private.make_directory(written_to.parent)
        with private.open_file(written_to, "ab") as output:
            _python("vmops.jobs.fork_server", [*served], environment, output, listener.fileno())


def _python(
    module: str,
    arguments: list[str],
    environment: dict[str, str],
    output: IO[bytes],
    descriptor: int,
    stdin: int = children.NOTHING,
) -> Child:
    """Start a vmops module in its own session, with the state directory as working directory and one descriptor.

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
        raise StartFailed(f"{command[0]} cannot be started: {error.strerror}", "fix that, then call again") from error
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    return process


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give the address of a socket's path; a path that is too long is addressed by its open directory (Linux only)."""
    if len(os.fsencode(path)) <= _MAX_ADDRESS:
        yield str(path)
        return
    private.make_directory(path.parent)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _code_version(settings: Settings) -> str:
    """Give a digest of the running code, its search path and what hosts share; each digest has its own fork server."""
    found = interpreter.environment(interpreter.loader_variables(os.environ))
    names = [interpreter.find(), interpreter.code_id(), *map("=".join, sorted(found.items()))]
    names += settings.shared().values()
    stamps = _stamps(tuple(interpreter.search_path()))
    return hashlib.sha256(os.fsencode("\n".join([*names, *stamps]))).hexdigest()[:16]


@cache
def _stamps(places: Sequence[str]) -> list[str]:
    """Give the modification times of vmops' own files, and of the directories and archives of installed packages."""
    package = interpreter.PACKAGE
    others = (Path(place) for place in places if place.endswith("-packages") or Path(place).is_file())
    files = {*package.rglob("*.py"), *(package / "stacks").glob("*.py"), *filter(Path.exists, others)}
    return [f"{file} {file.stat().st_mtime_ns}" for file in sorted(files)]
