"""Claims to VMs: one row each. A claim is held while it is renewed, and its epoch grows with each new holder.

All times are the database's, so that no host's clock matters.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from vmops.core.errors import OperationFailed, RecordsAway
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, first_poll_after, poll_until, retry
from vmops.core.settings import Settings
from vmops.jobs.cluster.hosts import key_of_host
from vmops.jobs.cluster.postgres import PostgreSQL
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.tables import Tables

_FOREVER = float("inf")

_TAKE = """INSERT INTO claims (name, epoch, operation, host, expires)
  VALUES (:name, 1, :operation, :host, clock_timestamp() + make_interval(secs => :seconds))
  ON CONFLICT (name) DO UPDATE SET epoch = claims.epoch + 1, operation = excluded.operation, host = excluded.host,
    expires = excluded.expires, cancel = false
  WHERE claims.expires <= clock_timestamp() OR claims.operation = '' RETURNING epoch"""
_RENEW = """UPDATE claims SET expires = clock_timestamp() + make_interval(secs => :seconds)
  WHERE name = :name AND epoch = :epoch AND operation = :operation RETURNING cancel"""
_HOLDS = "SELECT 1 FROM claims WHERE name = :name AND epoch = :epoch AND operation = :operation"
_GIVE_BACK = """UPDATE claims SET operation = '', expires = clock_timestamp()
  WHERE name = :name AND epoch = :epoch AND operation = :operation"""

_LOCKS_OF_THE_ENDED = """DELETE FROM pulumi_state USING engine_locks
  WHERE pulumi_state.key = engine_locks.key AND engine_locks.stack = ? AND engine_locks.epoch < ?"""


def teardown(stack: str) -> str:
    """Name the claim of a VM's removal, which shows that a removal is in progress before it holds the VM itself."""
    return f"{stack}.teardown"


def liveness(operation: Operation) -> str:
    """Name the claim that is held while somebody works on an operation."""
    return teardown(operation.stack) if operation.verb is Verb.DEPROVISION else operation.stack


def take(tables: Tables, name: str, operation: str, host_key: str, seconds: float) -> int | None:
    """Take a claim if it is free, or no longer renewed; give its epoch, None if another holds it.

    The engine's locks of past epochs are broken with it. Locks without an epoch, such as a person's, are kept.
    """
    values = {"name": name, "operation": operation, "host": host_key, "seconds": seconds}
    with tables.transaction() as rows:
        row = rows.execute(_TAKE, values).fetchone()
        if row is None:
            return None
        epoch: int = row["epoch"]
        if epoch > 1:
            rows.execute("SELECT set_config('vmops.epoch', ?, true)", (str(epoch),))
            rows.execute(_LOCKS_OF_THE_ENDED, (name, epoch))
    return epoch


def give_back(tables: Tables, operation: str, host_key: str) -> None:
    """End the claims of an operation whose worker on this host is known to be dead; claims of other hosts stay."""
    with tables.transaction() as rows:
        query = "UPDATE claims SET expires = clock_timestamp() WHERE operation = ? AND host = ?"
        rows.execute(query, (operation, host_key))


def ask_to_end(tables: Tables, operation: str) -> None:
    """Ask whoever works on an operation to end it in order; they learn of it when they next renew their claims."""
    with tables.transaction() as rows:
        rows.execute("UPDATE claims SET cancel = true WHERE operation = ?", (operation,))


def is_worked_on(tables: Tables, operation: str) -> bool:
    """Tell whether anybody holds a claim for an operation."""
    query = "SELECT 1 FROM claims WHERE operation = ? AND expires > clock_timestamp()"
    return bool(tables.select(query, (operation,)))


class HeldClaim:
    """A claim that a thread renews until it is given back or lost, or this process ends."""

    def __init__(
        self,
        tables: Tables,
        name: str,
        epoch: int,
        operation: str,
        *,
        ride_out: float,
        lost: Callable[[], object],
        told_to_end: Callable[[], object],
    ) -> None:
        """Hold a taken claim. ``lost`` is called once another holds it, ``told_to_end`` once it is to be given up.

        It is to be given up when somebody asks for that, or when the database was away for ``ride_out`` seconds; then
        what is done under it is not recorded, so that it is taken up.
        """
        self.name, self.epoch, self.operation = name, epoch, operation
        self.given_up, self._ride_out = False, ride_out
        self._tables = tables
        self._lost, self._told_to_end = lost, told_to_end
        self._over = threading.Event()
        self._answered = time.monotonic()
        self._told = False

    @property
    def mark(self) -> str:
        """Give the text that marks requests with their operation and epoch."""
        return f"vmops-{self.operation}-{self.epoch}"

    @property
    def _values(self) -> dict[str, object]:
        return {"name": self.name, "epoch": self.epoch, "operation": self.operation}

    def check(self) -> None:
        """Check that the claim still holds; a database that is away is waited for.

        Raises: OperationFailed (fenced) if another holds it now; RecordsAway if the database stays away.
        """
        retry(self._check, RecordsAway, lambda *_: 0.5, timeout=self._ride_out)

    def _check(self) -> None:
        if not self._tables.select(_HOLDS, self._values):
            raise OperationFailed(fenced(self.name, self.epoch))

    def renew(self, url: str, seconds: float, pause: float) -> None:
        """Renew it every ``pause`` seconds, for ``seconds`` each time, over a connection of its own."""
        thread = threading.Thread(target=self._keep, args=(url, seconds, pause), name="claim", daemon=True)
        thread.start()

    def give_back(self) -> None:
        """Give the claim back, so that others can take it; if the database is away, it ends by itself."""
        self._over.set()
        with suppress(RecordsAway), self._tables.transaction() as rows:
            rows.execute(_GIVE_BACK, self._values)

    def _keep(self, url: str, seconds: float, pause: float) -> None:
        tables: list[PostgreSQL] = []

        def look() -> bool | NotYet:
            if self._over.is_set():
                return True
            try:
                tables[:] = tables or [PostgreSQL(url)]
                row = next(iter(tables[0].select(_RENEW, {**self._values, "seconds": seconds})), None)
            except RecordsAway as error:
                if time.monotonic() - self._answered > self._ride_out:
                    self.given_up = True
                    self._end(str(error))
                return NotYet(min(pause, 0.5))
            self._answered = time.monotonic()
            if row is None and not self._over.is_set():
                get_logger().error("fenced", claim=self.name, epoch=self.epoch)
                self._lost()
                return True
            if row and row["cancel"]:
                self._end("it was asked to end")
            return NotYet(pause)

        poll_until(first_poll_after(pause, look), timeout=_FOREVER)

    def _end(self, why: str) -> None:
        if not self._told:
            self._told = True
            get_logger().warning("told_to_end", claim=self.name, cause=why)
            self._told_to_end()


def fenced(name: str, epoch: int) -> Failure:
    """Describe the failure of a claim that another holds now: nothing more may be written."""
    return Failure(FailureKind.FENCED, f"epoch {epoch} of {name} is over: another works on it now")


@contextmanager
def held(
    tables: Tables,
    settings: Settings,
    name: str,
    operation: str,
    *,
    patience: float,
    lost: Callable[[], object] = lambda: None,
    told_to_end: Callable[[], object] = lambda: None,
) -> Iterator[HeldClaim | None]:
    """Hold a claim during a block; wait at most ``patience`` seconds for it. None if another holds it for longer."""
    host_key = key_of_host(settings.state_dir)
    epoch = poll_until(
        lambda: take(tables, name, operation, host_key, settings.claim_seconds) or NotYet(0.05, max_interval=0.5),
        timeout=patience,
    )
    if epoch is None:
        yield None
        return
    claim = HeldClaim(tables, name, epoch, operation, ride_out=settings.ride_out, lost=lost, told_to_end=told_to_end)
    claim.renew(settings.database_url or "", settings.claim_seconds, settings.claim_renew)
    try:
        yield claim
    finally:
        claim.give_back()
