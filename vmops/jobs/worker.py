"""The worker: a process that runs one deployment, outlives its caller, and records how the deployment ended.

It inherits the VM's lock. Its job, which contains secrets, arrives through a pipe or a socket. It leads its own
session, its environment is an allow-list, and its log is one JSON line per event.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core import host, interpreter, signals
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import CloudError, EngineMissing, OperationFailed, SpecError, StartFailed, StoreError
from vmops.core.failures import Failure, FailureKind
from vmops.core.holder import HELD
from vmops.core.log import LOGGER, JsonLines, get_logger
from vmops.core.polling import poll_until
from vmops.core.processes import start_ticks
from vmops.core.settings import Settings
from vmops.core.state_dir import MAKE_ROOM, log_path
from vmops.jobs import execution, slots
from vmops.jobs.opened import open_store
from vmops.jobs.operation import Operation, State
from vmops.jobs.store import Store

NAME = "vmops-worker"
"""The name of a worker in the system's process list (Linux only)."""


def main() -> None:
    """Run the operation named on the command line once it gets a slot; its job arrives on standard input."""
    state_dir, operation_id, lock, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    interpreter.refuse_another(sys.argv[5])
    signals.reset()
    os.umask(0o077)
    order = sys.stdin.buffer.read()
    settings = Settings(state_dir=state_dir)
    store = open_store(settings, settings.ride_out)
    operation = store.get(operation_id)
    if operation and poll_until(
        lambda: slots.try_start(store, state_dir, operation, limit), timeout=slots.QUEUE_TIMEOUT
    ):
        run_job(store, settings, operation_id, lock, order)


def run_job(store: Store, settings: Settings, operation_id: str, lock: int, order: bytes) -> None:
    """Run a recorded operation whose ``lock`` is held, unless its record is no longer pending."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(NAME)
    operation = store.get(operation_id)
    if operation is None or operation.state is not State.PENDING:
        return
    with _claimed(store, settings, operation) as claim:
        begun = {"started": store.now(), "epoch": claim.epoch, **_own_process()} if claim else {}
        if claim and store.transition(operation_id, State.RUNNING, **begun):
            _run_and_record(store, settings, operation, claim, lock, order)


def _run_and_record(
    store: Store, settings: Settings, operation: Operation, claim: VmClaim, lock: int, order: bytes
) -> None:
    """Execute an operation and record its outcome; record nothing if another worker has taken it over meanwhile."""
    with _logging(store, settings, operation):
        state, changes = _outcome(lambda: execution.execute(store, settings, operation, claim, lock, order))
        get_logger().info("ended", state=str(state), failure=str(changes.get("failure", "")))
    failure = changes.get("failure")
    if failure:
        if claim.given_up or failure.kind is FailureKind.FENCED:
            return
        store.note_failure(operation.stack, failure)
        if failure.code == HELD:
            store.let_go(operation.stack, operation.hold)
    store.transition(operation.id, state, within=claim.epoch, ended=store.now(), **changes)


@contextmanager
def _claimed(store: Store, settings: Settings, operation: Operation) -> Iterator[VmClaim | None]:
    """Claim an operation for this worker if hosts share the records; otherwise the lock that it holds is enough."""
    if not store.is_shared:
        yield LOCKED_HERE
        return
    from vmops.jobs.cluster.work import claimed

    with claimed(store, settings, operation) as claim:
        yield claim


def _own_process() -> dict[str, Any]:
    """Identify this worker's process, for its record."""
    pid = os.getpid()
    return {"host": host.name(), "host_id": host.identity(), "pid": pid, "start_ticks": start_ticks(pid) or 0}


def _outcome(work: Any) -> tuple[State, dict[str, Any]]:
    """Call ``work``, and give the final state with its outputs or its failure; exceptions become failures."""
    try:
        return State.SUCCEEDED, {"outputs": work()}
    except OperationFailed as error:
        failure = error.failure
    except CloudError as error:
        failure = failure_from_cloud_error(error)
    except EngineMissing as error:
        failure = Failure(FailureKind.ENGINE, str(error))
    except StartFailed as error:
        failure = Failure(FailureKind.ENGINE, str(error), step=error.step)
    except SpecError as error:
        failure = Failure(FailureKind.INVALID, str(error))
    except (StoreError, OSError) as error:
        failure = Failure(FailureKind.ENGINE, f"the state directory cannot be used: {error}", step=MAKE_ROOM)
    except Exception as error:
        get_logger().exception("bug")
        failure = Failure(FailureKind.BUG, f"{type(error).__name__}: {error}")
    return State.FAILED, {"failure": failure}


@contextmanager
def _logging(store: Store, settings: Settings, operation: Operation) -> Iterator[None]:
    """Write every event of this process to its log, a JSON line each; where hosts share records, to those too."""
    path = log_path(settings.state_dir, operation.stack, operation.id)
    with path.open("a", buffering=1) as file, _shared_log(store, settings, operation) as shared:
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False
        for each in filter(None, (JsonLines(file), shared)):
            LOGGER.addHandler(each)
        yield


def _shared_log(store: Store, settings: Settings, operation: Operation) -> AbstractContextManager[JsonLines | None]:
    if not settings.database_url:
        return nullcontext()
    from vmops.jobs.cluster.events import shared_log

    return shared_log(settings.database_url, operation.id, store.now())


if __name__ == "__main__":
    main()
    os._exit(0)  # an ordinary exit takes half a second, during which the lock would outlive the record
