"""Deletes old rows from the shared database, which would otherwise grow for ever."""

from vmops.core.log import get_logger
from vmops.jobs.store import Store
from vmops.jobs.tables import Rows

KEPT = 30 * 86400.0
"""Seconds for which logs, copies of the engine's state, and the records of removed VMs are kept."""

_DAY = 86400.0
"""Seconds to keep a job without an order: the worker that took it may be about to finish it."""

_OLD = "clock_timestamp() - make_interval(secs => ?)"

_GONE = f"""SELECT stack, number FROM operations AS removed
  WHERE verb = 'deprovision' AND state = 'succeeded' AND ended < extract(epoch FROM {_OLD})
    AND NOT EXISTS (SELECT 1 FROM operations AS later
      WHERE later.stack = removed.stack AND later.number > removed.number)"""  # noqa: S608
_FORGET = (
    "DELETE FROM operations WHERE stack = :stack AND number <= :number",
    "DELETE FROM switches WHERE stack = :stack AND state NOT IN ('pending', 'running')",
    "DELETE FROM failures WHERE stack = :stack",
)
"""The resources, keys and epochs of a VM are kept: they are small, and prove whose it was."""

_LOGS = f"DELETE FROM events WHERE written < {_OLD}"  # noqa: S608
_JOBS = f"""DELETE FROM procrastinate_jobs AS jobs WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.job = jobs.id)
  AND NOT EXISTS (SELECT 1 FROM procrastinate_events AS said WHERE said.job_id = jobs.id AND said.at > {_OLD})"""  # noqa: S608
"""Deletes jobs without an order: the order is deleted when its operation is done."""

_COPIED = r"'/\.pulumi/backups/vmops/([^/]+)/'"
_WITH_COPIES = f"""SELECT DISTINCT substring(key FROM {_COPIED}) AS stack FROM pulumi_state
  WHERE key LIKE '%/.pulumi/backups/vmops/%' AND updated_at < {_OLD}"""  # noqa: S608
_EPOCH = "SELECT set_config('vmops.epoch', epoch::text, true) FROM claims WHERE name = ? FOR SHARE"
_COPIES = f"""DELETE FROM pulumi_state
  WHERE strpos(key, '/.pulumi/backups/vmops/' || ? || '/') > 0 AND updated_at < {_OLD}"""  # noqa: S608


def prune(store: Store, seconds: float = KEPT) -> dict[str, int]:
    """Delete rows older than ``seconds``; give the number of rows deleted of each kind."""
    tables = store.shared()
    found = {"records": 0, "copies": 0}
    for gone in tables.select(_GONE, (seconds,)):
        with tables.transaction() as rows:
            found["records"] += sum(rows.execute(each, gone).rowcount for each in _FORGET)
    for copied in tables.select(_WITH_COPIES, (seconds,)):
        with tables.transaction() as rows:
            found["copies"] += _without_copies(rows, copied["stack"], seconds)
    with tables.transaction() as rows:
        found["logs"] = rows.execute(_LOGS, (seconds,)).rowcount
        found["jobs"] = rows.execute(_JOBS, (_DAY,)).rowcount
    get_logger().info("pruned", **found)
    return found


def _without_copies(rows: Rows, stack: str, seconds: float) -> int:
    """Delete old copies of the engine's state in the present epoch of the VM's claim, which is locked meanwhile."""
    if rows.execute(_EPOCH, (stack,)).fetchone() is None:
        return 0
    return rows.execute(_COPIES, (stack, seconds)).rowcount
