"""Runs this host as a worker for all that share its records, and lists all such hosts."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

from vmops.core.errors import RecordsAway, SpecError
from vmops.core.polling import retry
from vmops.core.settings import Settings
from vmops.jobs.opened import open_store
from vmops.jobs.operation import Verb
from vmops.jobs.slots import default_concurrency

_SWEEP = 300.0
"""Seconds between two sweeps, whichever hosts run them."""

_REST = 0.5


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
    from vmops.jobs.cluster import hosts, queue
    from vmops.jobs.cluster.agent import Agent

    url = require_shared(settings)
    room = slots or settings.workers or default_concurrency(settings.cloud)
    store = retry(lambda: open_store(settings), RecordsAway, lambda *_: _REST, timeout=settings.ride_out)
    agent = Agent(settings, store, room, removals or room)
    hosts.refuse_too_many(store.shared(), settings, room)
    rooms = {
        queue.of_verb(settings.queue, Verb.PROVISION): agent.slots,
        queue.of_verb(settings.queue, Verb.DEPROVISION): agent.removals,
    }
    agent.tend()

    def keep_house() -> None:
        if hosts.is_ours(store.shared(), settings, "sweep", _SWEEP):
            sweep()

    chores = [(agent.tend, settings.claim_renew), (keep_house, _SWEEP / 10)]
    paces = settings.claim_renew, settings.claim_seconds, settings.ride_out
    consumer = queue.Consumer(url, rooms, agent.carry_out, chores, *paces)

    def end() -> None:
        if agent.draining:
            agent.interrupt()
        agent.draining = True
        consumer.drain()

    async def serve() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, end)
        ready(agent.slots)
        await consumer.serve()

    asyncio.run(serve())
    hosts.leave(store.shared(), settings)


def require_shared(settings: Settings) -> str:
    """Give the URL of the shared database. Raises: SpecError if there is none."""
    if settings.database_url is None:
        raise SpecError("VMOPS_DATABASE_URL is not set: name the database in which hosts share their records")
    return settings.database_url
