"""The record of a requested deployment, before a worker has started."""

import secrets
import time
from dataclasses import asdict, replace

from vmops.core.failures import FailureKind
from vmops.core.settings import Settings
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.remembered import Asked
from vmops.spec.target import Target


def switch_record(settings: Settings, target: Target, action: str) -> Operation:
    """Give the record of a power operation on all VMs of a fleet."""
    return replace(record(settings, target, Verb.POWER), digest=action, given={"action": action})


def record(settings: Settings, target: Target, verb: Verb, asked: Asked | None = None) -> Operation:
    """Give the record of a request. That of a removal has no parameters."""
    now = time.time()
    ttl = asked.spec.ttl if asked else None
    return Operation(
        id=secrets.token_hex(8),
        verb=verb,
        stack=target.stack,
        **asdict(target.identity),
        owner=settings.owner,
        digest=asked.digest if asked else "",
        expires=now + ttl if ttl else 0.0,
        created=now,
        queue=settings.queue if settings.database_url else "",
        given=asked.given if asked else {},
        secrets=asked.secrets if asked else {},
    )


_CUT_OFF = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.BUG, FailureKind.LOCKED})
"""Failures after which a write may still be in flight."""


def needs_reconcile(before: Operation | None, verb: Verb) -> bool:
    """Tell whether the engine's state may lack existing resources; for a removal, whether writes may be in flight."""
    if verb is Verb.PROVISION:
        return before is None or before.state is not State.SUCCEEDED
    if before is None:
        return False
    return before.failure.kind in _CUT_OFF if before.failure else not before.over
