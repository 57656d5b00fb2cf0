"""Puts operations of dead workers and hosts back into the queue, for any host to continue."""

from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.jobs.cluster import claims, queue
from vmops.jobs.operation import State
from vmops.jobs.store import TABLES, Store

MOST = 3
"""How many times one operation is tried: one that kills its worker each time must not kill them all."""

_WORKED_ON = "EXISTS (SELECT 1 FROM claims WHERE claims.operation = {table}.id AND expires > clock_timestamp())"

_DEAD = f"""SELECT id, true AS dead FROM {{table}} WHERE state = 'running' AND NOT {_WORKED_ON}
  AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :seconds)"""  # noqa: S608
"""Operations without a live claim. After a restart of the database there is time to renew claims first."""

_AGAIN = f"""UPDATE {{table}} SET state = 'pending', attempt = attempt + 1, epoch = 0, pid = 0, start_ticks = 0,
    host = '', host_id = '', started = 0
  WHERE id = ? AND state = 'running' AND attempt < ? AND NOT {_WORKED_ON}
    AND EXISTS (SELECT 1 FROM orders WHERE operation = {{table}}.id)"""  # noqa: S608

_LOST = """SELECT {table}.id, false AS dead FROM {table} JOIN orders ON orders.operation = {table}.id
  LEFT JOIN procrastinate_jobs AS jobs ON jobs.id = orders.job
  LEFT JOIN procrastinate_workers AS workers ON workers.id = jobs.worker_id
  WHERE state = 'pending' AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :seconds)
    AND (jobs.status IS NULL OR jobs.status::text NOT IN ('todo', 'doing')
    OR (jobs.status::text = 'doing' AND (workers.id IS NULL
      OR workers.last_heartbeat < clock_timestamp() - make_interval(secs => :seconds))))"""

_ABANDONED = " UNION ALL ".join(each.format(table=table) for each in (_DEAD, _LOST) for table in TABLES)


def rescue(store: Store, seconds: float) -> list[str]:
    """Take up operations whose worker has lost its claim, or whose job was taken by a host that is dead.

    A host is dead if it was silent for ``seconds``. Returns: the ids of the operations that are queued again.
    """
    found = store.shared().select(_ABANDONED, {"seconds": seconds})
    return [each["id"] for each in found if (take_up if each["dead"] else _put_back)(store, each["id"])]


def take_up(store: Store, operation_id: str) -> bool:
    """Put an operation of a dead worker back into the queue; after `MOST` attempts it has failed instead."""
    with store.shared().transaction() as rows:
        if sum(rows.execute(_AGAIN.format(table=table), (operation_id, MOST)).rowcount for table in TABLES):
            operation = store.get_in(rows, operation_id)
            queue.put_again(rows, operation)
            get_logger().warning("taken_up", operation=operation_id, attempt=operation.attempt)
            return True
    _give_up(store, operation_id)
    return False


def _put_back(store: Store, operation_id: str) -> bool:
    with store.shared().transaction() as rows:
        operation = store.get_in(rows, operation_id)
        if operation.state is not State.PENDING:
            return False
        queue.put_again(rows, operation)
    return True


def _give_up(store: Store, operation_id: str) -> None:
    operation = store.get(operation_id)
    if operation and operation.state is State.RUNNING and not claims.is_worked_on(store.shared(), operation.id):
        message = f"{operation.attempt} workers of this {operation.verb} have died, the last on {operation.host}"
        failure = Failure(FailureKind.INTERRUPTED, message)
        store.transition(
            operation.id, State.FAILED, origin=State.RUNNING, within=operation.epoch, ended=store.now(), failure=failure
        )
