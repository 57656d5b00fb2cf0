"""One deployment in one process of its own: it outlives its caller, and says how it ended.

The caller starts it with the VM's lock already held and inherited, and hands the order over a pipe, because the order
holds secrets. The process leads its own session; its environment is an allow-list; its log is one JSON line an event.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import structlog

from vmops.admission import lock_path, refusal
from vmops.environment import allowed
from vmops.errors import CloudError, EngineMissing, SpecError
from vmops.failures import Failed, Failure, Kind, of_cloud
from vmops.lock import acquire
from vmops.operation import Operation, State, Verb
from vmops.store import Store
from vmops.waiting import Later, wait

_LOOK = 0.05
"""Seconds between two looks at a lock that another holds."""


@dataclass(frozen=True)
class Order:
    """All that a worker must be told; ``params`` is the spec or target as it goes over the pipe.

    ``silence`` is the seconds for which an engine without work may say nothing. ``doubtful``: what came before did not
    end well, so that the engine's state may lack what exists.
    """

    params: Mapping[str, Any] = field(repr=False)
    backend: str
    engine: str | None
    silence: float
    doubtful: bool


def start(state_dir: Path, operation: Operation, order: Order, lock: int) -> None:
    """Start the worker of an operation that is recorded; it holds ``lock`` from its first moment on."""
    log = log_path(state_dir, operation)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = allowed(os.environ, cloud=operation.cloud, backend=order.backend)
    with log.with_suffix(".out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vmops.worker", str(state_dir), operation.id, str(lock)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=state_dir,
            env={**environment, "VMOPS_STATE_DIR": str(state_dir)},
            start_new_session=True,
            pass_fds=(lock,),
        )
    with cast(IO[bytes], process.stdin) as pipe:
        pipe.write(json.dumps(asdict(order)).encode())
    threading.Thread(target=process.wait, name=f"reap-{operation.id}", daemon=True).start()


def log_path(state_dir: Path, operation: Operation) -> Path:
    """Give the file that the worker of an operation logs to."""
    return state_dir / "logs" / operation.stack / f"{operation.id}.jsonl"


def main() -> None:
    """Carry out the operation named on the command line."""
    state_dir, operation_id, lock = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    os.umask(0o077)
    store = Store(state_dir)
    operation = store.get(operation_id)
    if operation is None or not store.advance(
        operation_id, State.RUNNING, pid=os.getpid(), host=socket.gethostname(), started=time.time()
    ):
        return
    with _logging(log_path(state_dir, operation)):
        state, changes = _ending(lambda: _carry_out(state_dir, operation, lock, sys.stdin.buffer))
        structlog.get_logger().info("ended", state=str(state), failure=str(changes.get("failure", "")))
    if "failure" in changes:
        store.note_failure(operation.stack, changes["failure"])
    store.advance(operation_id, state, ended=time.time(), **changes)


def _ending(work: Any) -> tuple[State, dict[str, Any]]:
    """Do the work and say how it ended; nothing escapes."""
    try:
        return State.SUCCEEDED, {"outputs": work()}
    except Failed as error:
        failure = error.failure
    except CloudError as error:
        failure = of_cloud(error)
    except EngineMissing as error:
        failure = Failure(Kind.ENGINE, str(error))
    except SpecError as error:
        failure = Failure(Kind.INVALID, str(error))
    except Exception as error:
        structlog.get_logger().exception("bug")
        failure = Failure(Kind.BUG, f"{type(error).__name__}: {error}")
    return State.FAILED, {"failure": failure}


def _carry_out(state_dir: Path, operation: Operation, lock: int, pipe: IO[bytes]) -> dict[str, Any]:
    from vmops import provisioning
    from vmops.engine.ending import bounded
    from vmops.settings import Settings
    from vmops.site import open_site
    from vmops.spec import VmSpec
    from vmops.target import Target

    try:
        order = Order(**json.loads(pipe.read()))
    except ValueError:
        raise Failed(Failure(Kind.INTERRUPTED, "the caller died before it had handed the order over")) from None
    settings = Settings(state_dir=state_dir, owner=operation.owner, backend_url=order.backend, engine=order.engine)
    provides = operation.verb is Verb.PROVISION
    target = VmSpec.from_wire(order.params) if provides else Target.from_wire(order.params)
    locks = (lock,) if provides else (lock, _take_over(state_dir, operation.stack, target.deploy_timeout))
    limits = {"seconds": target.deploy_timeout, "silence": order.silence}
    with open_site(settings, target, locks) as site, bounded(site.command, site.stack, **limits):
        if isinstance(target, VmSpec):
            return provisioning.provision(site, target, doubtful=order.doubtful, expires=operation.expires)
        return provisioning.deprovision(site, target, doubtful=order.doubtful)


def _take_over(state_dir: Path, stack: str, seconds: float) -> int:
    """End a provision that is in flight, and take the VM's lock from it.

    Raises: Failed (locked) if it cannot be had within ``seconds``.
    """
    from vmops.cancellation import cancel

    store = Store(state_dir)

    def look() -> int | Later:
        """Look again and again: one that was admitted a moment before us may begin only now."""
        ended = cancel(store, state_dir, stack, Verb.PROVISION)
        writer = acquire(lock_path(state_dir, stack)) if ended else None
        return Later(_LOOK) if writer is None else writer

    writer = wait(look, timeout=seconds)
    if writer is None:
        raise Failed(refusal(store.in_flight(stack, Verb.PROVISION)))
    return writer


@contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Send every event of this process to its log, a JSON line each."""
    with path.open("a", buffering=1) as file:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(default=str),
            ],
            logger_factory=structlog.WriteLoggerFactory(file),
            cache_logger_on_first_use=False,
        )
        yield


if __name__ == "__main__":
    main()
    os._exit(0)  # the lock must not outlive the record by the half second in which an interpreter takes itself down
