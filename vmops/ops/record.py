"""The record of a requested deployment, before a worker has started."""

import secrets
import time
from dataclasses import asdict

from vmops.core.settings import Settings
from vmops.jobs.operation import Operation, Verb
from vmops.ops.remembered import Asked
from vmops.spec.target import Target


def record(settings: Settings, target: Target, verb: Verb, asked: Asked | None = None) -> Operation:
    """Record the request. A removal's request says only which VM."""
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
        given=asked.given if asked else {},
        secrets=asked.secrets if asked else {},
    )
