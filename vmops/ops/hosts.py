"""Runs this host as a worker for all that share its records, and lists all such hosts."""

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vmops.core.errors import CloudError, RecordsAway, SpecError
from vmops.core.log import get_logger
from vmops.core.polling import retry
from vmops.core.settings import Settings
from vmops.jobs.opened import open_store
from vmops.jobs.operation import Verb
from vmops.jobs.slots import default_concurrency
from vmops.ops.connections import Connections
from vmops.spec.target import WaitOptions

if TYPE_CHECKING:
    from vmops.jobs.cluster.agent import Agent
    from vmops.jobs.cluster.queue import Consumer

_SWEEP = 300.0
"""Seconds between two sweeps, whichever hosts run them."""

_PRUNE = 3600.0
"""Seconds between two removals of old rows, whichever hosts do that."""

_CONNECT_INTERVAL = 0.5
"""Seconds between two attempts to reach the shared records."""

_RESCUES = 3
"""How many times a host checks for abandoned operations between two renewals of a claim."""


def listed(settings: Settings) -> list[dict[str, Any]]:
    """List the present and recent working hosts as plain JSON. Raises: SpecError if the records are not shared."""
    from vmops.jobs.cluster import hosts

    require_shared(settings)
    return hosts.listed(open_store(settings).shared(), settings.claim_seconds)


def work(
    settings: Settings,
    slots: int | None,
    removals: int | None,
    ready: Callable[[int], object],
    sweep: Callable[[], object],
) -> None:
    """Work until SIGTERM or SIGINT, then finish what has begun; a second signal ends that, and other hosts take it up.

    ``ready`` is called with the number of slots once work is accepted, ``sweep`` every five minutes on one of all
    hosts.

    Raises: RecordsAway if the database stays away.
    """
    from vmops.jobs.cluster import hosts
    from vmops.jobs.cluster.agent import Agent

    require_shared(settings)
    room = slots or settings.workers or default_concurrency(settings.cloud)
    store = retry(lambda: open_store(settings), RecordsAway, lambda *_: _CONNECT_INTERVAL, timeout=settings.ride_out)
    hosts.refuse_too_many(store.shared(), settings, room)
    agent = Agent(settings, store, room, removals or room, principal(settings))
    asyncio.run(_serve(agent, ready, sweep))
    hosts.leave(store.shared(), settings)


def principal(settings: Settings) -> str:
    """Give the principal of this host's Azure login; '' if there is none yet."""
    if settings.cloud == "local":
        return settings.cloud
    try:
        where = WaitOptions.from_params({}, settings.defaults())
        return Connections(settings)(where).principal()
    except CloudError as error:
        get_logger().warning("no_principal", cause=str(error))
        return ""


async def _serve(agent: "Agent", ready: Callable[[int], object], sweep: Callable[[], object]) -> None:
    consumer = _consumer(agent, sweep)

    def end() -> None:
        if agent.draining:
            agent.interrupt()
        agent.draining = True
        consumer.drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    agent.begin()
    ready(agent.slots)
    await consumer.serve()


def _consumer(agent: "Agent", sweep: Callable[[], object]) -> "Consumer":
    """Give what takes jobs for an agent, and has it do its chores."""
    from vmops.jobs.cluster import hosts, pruning, queue

    settings = agent.settings

    def keep_house() -> None:
        shared = agent.store.shared()
        if hosts.is_ours(shared, settings, "sweep", _SWEEP):
            sweep()
        if hosts.is_ours(shared, settings, "prune", _PRUNE):
            pruning.prune(agent.store)

    rooms = {
        queue.of_verb(settings.queue, Verb.PROVISION): agent.slots,
        queue.of_verb(settings.queue, Verb.DEPROVISION): agent.removals,
    }
    renew = settings.claim_renew
    chores = [(agent.report, renew), (agent.rescue, renew / _RESCUES), (keep_house, _SWEEP / 10)]
    if settings.worker_idle:
        chores.append((agent.warm, settings.worker_idle / 2))
    paces = renew, settings.claim_seconds, settings.ride_out
    return queue.Consumer(require_shared(settings), rooms, agent.carry_out, chores, *paces)


def require_shared(settings: Settings) -> str:
    """Give the URL of the shared database. Raises: SpecError if there is none."""
    if settings.database_url is None:
        raise SpecError("VMOPS_DATABASE_URL is not set: name the database in which hosts share their records")
    return settings.database_url
