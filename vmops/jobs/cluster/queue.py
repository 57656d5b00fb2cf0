"""The hosts' queue of work: procrastinate, in the same database, written in the transaction of the record.

It distributes work and wakes waiting hosts. It is never the lock: the presence or end of a job proves nothing. The one
importer of ``procrastinate``.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import procrastinate
from procrastinate import App, JobContext

from vmops.core.cluster_key import ClusterKey
from vmops.core.errors import RecordsAway
from vmops.core.log import get_logger
from vmops.jobs.cluster.postgres import PoolTimeout, Transaction, how_to_connect
from vmops.jobs.cluster.sealing import ORDERS, SEALED_BY, sealed_by
from vmops.jobs.cluster.tasks import cancelled, until
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.tables import Tables

TASK = "deploy"
"""The name of a job."""

VERSION = 1
"""The version of the order. It is part of the queue's name: a host leaves what it cannot read to others."""

_IN_FLIGHT = "SELECT count(*) AS in_flight FROM operations WHERE owner = ? AND state IN ('pending', 'running')"
_OUTLOOK = f"{SEALED_BY}, ({_IN_FLIGHT}) AS in_flight, extract(epoch FROM clock_timestamp())::double precision AS now"
_CONNECTION_TIMEOUT = 5.0
"""Seconds to wait for one of the queue's connections: without any, the database is away."""

_ORDER = """INSERT INTO orders (operation, queue, sealed, job) VALUES (?, ?, ?, ?)"""


def of_verb(queue: str, verb: Verb) -> str:
    """Name the queue of a verb: removals do not wait for provisions."""
    kind = "removals" if verb is Verb.DEPROVISION else "provisions"
    return f"{queue}:{kind}:v{VERSION}"


def app(url: str) -> App:
    """Give procrastinate's app as a host's workers use it."""
    arguments, options = how_to_connect(url)
    connector = procrastinate.PsycopgConnector(
        conninfo=arguments, kwargs=options, min_size=1, max_size=8, timeout=_CONNECTION_TIMEOUT
    )
    return App(connector=connector)


@dataclass(frozen=True)
class Outlook:
    """Read before an operation is queued: the time, how many of its owner are in flight, and which key seals now."""

    now: float
    in_flight: int
    key_id: bytes

    @classmethod
    def of(cls, tables: Tables, owner: str) -> Self:
        """Read it for an owner."""
        (row,) = tables.select(_OUTLOOK, (owner,))
        return cls(row["now"], row["in_flight"], sealed_by(row))


def put(rows: Transaction, operation: Operation, order: JobRequest, key: ClusterKey, outlook: Outlook) -> None:
    """Put an operation that is recorded in this transaction into its queue, and store its sealed order."""
    sealed = key.seal(ORDERS, operation.id, order.to_wire(), outlook.key_id)
    job = _defer(rows, operation, outlook.in_flight + 1)
    rows.execute(_ORDER, (operation.id, operation.queue, sealed, job))


def put_again(rows: Transaction, operation: Operation) -> None:
    """Put an operation whose order exists into its queue again."""
    found = rows.execute(_IN_FLIGHT, (operation.owner,)).fetchone()
    job = _defer(rows, operation, found["in_flight"] if found else 0)
    rows.execute("UPDATE orders SET job = ? WHERE operation = ?", (job, operation.id))


def opened(tables: Tables, operation: str, key: ClusterKey) -> bytes | None:
    """Give an operation's order; None if the operation is over. Raises: StoreError if this key does not open it."""
    found = tables.select("SELECT sealed FROM orders WHERE operation = ?", (operation,))
    return key.open(ORDERS, operation, bytes(found[0]["sealed"])) if found else None


def _defer(rows: Transaction, operation: Operation, in_flight: int) -> int:
    """Enqueue a job. Owners take turns: one with many jobs in flight comes after those with few."""
    sender = _sender().configure_task(
        TASK,
        queue=of_verb(operation.queue, operation.verb),
        priority=-in_flight,
        connection=rows.connection,
    )
    return sender.defer(operation=operation.id)


@cache
def _sender() -> App:
    return App(connector=procrastinate.SyncPsycopgConnector())


@dataclass
class Consumer:
    """Takes jobs from a host's queues, several at once, and does its chores meanwhile.

    ``work`` runs one job, in a thread; each of ``chores`` is repeated after its seconds. A database that is away is
    waited for, ``ride_out`` seconds at most. When it is back, jobs are taken at once, as many as there is room for
    beside those that go on since before.
    """

    url: str
    rooms: Mapping[str, int]
    work: Callable[[str], object]
    chores: Sequence[tuple[Callable[[], object], float]]
    pause: float
    longest_silence: float
    ride_out: float
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[asyncio.Task[None], str] = field(default_factory=dict)
    _answered: float = 0.0

    async def serve(self) -> None:
        """Take jobs until `drain`, and finish those that were taken.

        Raises: RecordsAway if the database stays away.
        """
        self._answered = time.monotonic()
        threads = ThreadPoolExecutor(sum(self.rooms.values()) + len(self.chores) + 1, thread_name_prefix="vmops")
        asyncio.get_running_loop().set_default_executor(threads)
        taking = asyncio.create_task(self._take_on())
        tending = [asyncio.create_task(self._tend(*each)) for each in self.chores]
        try:
            await asyncio.wait([taking, *tending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = await cancelled((taking, *tending))
            await self._finish()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def drain(self) -> None:
        """Take no more jobs."""
        self._over.set()

    async def _take_on(self) -> None:
        while not self._over.is_set():
            await self._take()
        await self._finish()

    async def _finish(self) -> None:
        """Wait for the jobs that were taken."""
        if self._running:
            await asyncio.wait(self._running)

    async def _take(self) -> None:
        """Take jobs while the database answers."""
        try:
            async with app(self.url).open_async() as queue:
                queue.task(name=TASK, pass_context=True)(self._carry_out)
                takers = [asyncio.create_task(each) for each in self._takers(queue)]
                over = asyncio.create_task(self._over.wait())
                await asyncio.wait([over, *takers], return_when=asyncio.FIRST_COMPLETED)
                ended = await cancelled((*takers, over))
        except (procrastinate.exceptions.ConnectorException, PoolTimeout) as error:
            ended = [error]
        if not self._over.is_set():
            self._missed(next((each for each in ended if isinstance(each, Exception)), None))
            await until(self._over, 1.0)

    def _takers(self, queue: App) -> Iterator[Coroutine[Any, Any, None]]:
        """Take as many jobs as there are free slots, and one more for each earlier job that ends."""
        for name, room in self.rooms.items():
            before = [each for each, of in self._running.items() if of == name]
            if room > len(before):
                yield self._taker(queue, name, room - len(before))
            yield from (self._taker_after(each, queue, name) for each in before)

    async def _taker_after(self, job: asyncio.Task[None], queue: App, name: str) -> None:
        await asyncio.wait([job])
        await self._taker(queue, name, 1)

    async def _taker(self, queue: App, name: str, room: int) -> None:
        await queue.run_worker_async(
            queues=[name],
            name=name,
            concurrency=room,
            shutdown_graceful_timeout=0.0,
            install_signal_handlers=False,
            delete_jobs="always",
            update_heartbeat_interval=self.pause,
            stalled_worker_timeout=self.longest_silence,
            fetch_job_polling_interval=2.0,
        )

    async def _carry_out(self, context: JobContext, operation: str) -> None:
        """Run a job, which goes on if the queue loses its connection, and forgets the job."""
        running = asyncio.create_task(self._run(operation))
        self._running[running] = str(context.job.queue)
        running.add_done_callback(self._running.pop)
        await asyncio.shield(running)

    async def _run(self, operation: str) -> None:
        try:
            await asyncio.to_thread(self.work, operation)
        except Exception:
            get_logger().exception("not_carried_out", operation=operation)

    async def _tend(self, chore: Callable[[], object], pause: float) -> None:
        """Do a chore repeatedly, and once more when draining begins."""
        while True:
            told = asyncio.Event() if self._over.is_set() else self._over
            try:
                await asyncio.to_thread(chore)
                self._answered = time.monotonic()
            except RecordsAway as error:
                self._missed(error)
            except Exception:
                get_logger().exception("not_tended")
            await until(told, pause)

    def _missed(self, error: Exception | None) -> None:
        why = error.why if isinstance(error, RecordsAway) else str(error)
        get_logger().warning("records_away", cause=why)
        if time.monotonic() - self._answered > self.ride_out:
            raise RecordsAway(f"PostgreSQL was away for more than {self.ride_out:g} seconds: {why}")
