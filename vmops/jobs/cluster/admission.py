"""Admission where hosts share their records: the database admits one operation of a kind for each VM."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from vmops.core.cluster_key import ClusterKey
from vmops.core.settings import Settings
from vmops.jobs.cluster import queue
from vmops.jobs.cluster.postgres import Transaction
from vmops.jobs.cluster.queue import Outlook
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store


def admit(
    settings: Settings,
    store: Store,
    asked: Operation,
    check: Callable[[], object],
    order: Callable[[Operation | None], JobRequest],
) -> tuple[Operation | None, Operation | None]:
    """Write the record of a new operation, its sealed order and its queue entry, in one transaction.

    ``check`` is called first; what it raises passes through. ``order`` gives the order, from the newest earlier record.
    The record is dated by the database, not by this host's clock.

    Returns: the operation, or None and the operation in flight that is in its way.
    """
    key, standing = ClusterKey.read(settings.cluster_key()), store.standing(asked.stack)
    removing = next((each for each in standing if each.verb is Verb.DEPROVISION and not each.over), None)
    if removing and asked.verb is Verb.PROVISION:
        return None, removing
    check()
    outlook = Outlook.of(store.shared(), asked.owner)
    dated = replace(asked, created=outlook.now, expires=asked.expires and outlook.now + asked.expires - asked.created)
    job = order(next(iter(standing), None))
    if store.insert(dated, lambda rows: queue.put(cast(Transaction, rows), dated, job, key, outlook)):
        return dated, None
    return None, store.in_flight(asked.stack, asked.verb)
