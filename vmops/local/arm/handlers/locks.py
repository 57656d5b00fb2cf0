"""The management locks of subscriptions, groups and resources, as separate resources."""

from vmops.local.arm.handlers.scopes import asked_scope
from vmops.local.arm.models.locks import PATH, delete_lock, get_lock, locks_at, put_lock
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page

_AT_SCOPE = "atscope()"


def put(cloud: Cloud, call: Call) -> Reply:
    """Create a lock or replace it."""
    lock, created = put_lock(cloud, asked_scope(cloud, call, PATH), call.names["lock"], call.body)
    return Reply(201 if created else 200, lock)


def get(cloud: Cloud, call: Call) -> Reply:
    """Show a lock."""
    return Reply(200, get_lock(cloud, asked_scope(cloud, call, PATH), call.names["lock"]))


def delete(cloud: Cloud, call: Call) -> Reply:
    """Delete a lock; an absent one answers 204."""
    return Reply(200 if delete_lock(cloud, asked_scope(cloud, call, PATH), call.names["lock"]) else 204)


def list_locks(cloud: Cloud, call: Call) -> Reply:
    """List the locks at a scope and below, or with ``atScope()`` those at it and above."""
    text = call.query.get("$filter", "")
    if text and text.strip().lower() != _AT_SCOPE:
        raise ArmError("InvalidFilterInQueryString", filter=text)
    return page(call, locks_at(cloud, asked_scope(cloud, call, PATH), above=bool(text)))
