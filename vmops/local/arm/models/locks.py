"""Management locks: nothing at a locked scope or below it can be deleted, or changed at all.

Source: Microsoft's page on locking resources; azure-rest-api-specs, Microsoft.Authorization, ManagementLocks.
"""

from vmops.local.arm.models.scopes import covers, scope_of
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId

PATH = "/providers/Microsoft.Authorization/locks"
TYPE = "Microsoft.Authorization/locks"
CAN_NOT_DELETE, READ_ONLY = "CanNotDelete", "ReadOnly"
_LEVELS = {level.lower(): level for level in (CAN_NOT_DELETE, READ_ONLY)}
_KIND = "lock"
_READS = frozenset({"GET", "HEAD"})


def put_lock(cloud: Cloud, scope: str, name: str, request: Json) -> tuple[Json, bool]:
    """Write a lock at a scope; return it, and whether it is new.

    Raises: ArmError InvalidRequestContent for an unknown level.
    """
    asked = request.get("properties")
    level = _LEVELS.get(str(asked.get("level", "")).lower()) if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or level is None:
        raise ArmError("InvalidRequestContent", reason=f"properties.level is none of {', '.join(_LEVELS.values())}")
    rid = f"{scope}{PATH}/{name}"
    optional = {key: asked[key] for key in ("notes", "owners") if asked.get(key) is not None}
    lock = {"properties": {"level": level} | optional, "id": rid, "type": TYPE, "name": name}
    return lock, cloud.store.documents.put(_KIND, rid.lower(), lock)


def get_lock(cloud: Cloud, scope: str, name: str) -> Json:
    """Return the lock of that name at a scope; raises ``ArmError`` LockNotFound."""
    found = cloud.store.documents.find(_KIND, f"{scope}{PATH}/{name}".lower())
    if found is None:
        raise ArmError("LockNotFound", name=name)
    return found


def delete_lock(cloud: Cloud, scope: str, name: str) -> bool:
    """Delete a lock; tell whether it existed."""
    return cloud.store.documents.remove(_KIND, f"{scope}{PATH}/{name}".lower())


def locks_at(cloud: Cloud, scope: str, *, above: bool) -> list[Json]:
    """List the locks at a scope, and those below it, or instead the inherited ones above."""
    key = scope.lower()
    return [lock for at, lock in _locks(cloud) if (covers(at, key) if above else covers(key, at))]


def require_unlocked(cloud: Cloud, method: str, path: str) -> None:
    """Refuse a request that a lock forbids; locks themselves can be changed under any lock.

    A deletion is stopped by every lock at, above and below its scope. Other writes are stopped by read-only locks at
    their scope and above; a power verb is a POST, and is stopped too.

    Raises: ArmError ScopeLocked.
    """
    if method in _READS or PATH.lower() in path.lower():
        return
    scope = _about(path)
    against = _against_deletion(cloud, scope) if method == "DELETE" else _against_writes(cloud, scope)
    if against:
        verb = "delete" if method == "DELETE" else "write"
        raise ArmError("ScopeLocked", scope=scope, verb=verb, locked=",".join(dict.fromkeys(against)))


def keeps(cloud: Cloud, rid: ResourceId) -> bool:
    """Tell whether a lock protects a resource from being deleted with another one."""
    return bool(_against_deletion(cloud, str(rid)))


def _against_deletion(cloud: Cloud, scope: str) -> list[str]:
    key = scope.lower()
    return [scope_of(lock, PATH) for at, lock in _locks(cloud) if covers(at, key) or covers(key, at)]


def _against_writes(cloud: Cloud, scope: str) -> list[str]:
    key = scope.lower()
    locks = [lock for at, lock in _locks(cloud) if covers(at, key)]
    return [scope_of(lock, PATH) for lock in locks if lock["properties"]["level"] == READ_ONLY]


def _locks(cloud: Cloud) -> list[tuple[str, Json]]:
    """List the locks, each with its scope in the form for comparison."""
    return [(scope_of(lock, PATH).lower(), lock) for _, lock in cloud.store.documents.of_kind(_KIND)]


def _about(path: str) -> str:
    """Return the resource, group or subscription of a path, without a verb that may follow."""
    steps = path.strip("/").split("/")
    return "/" + "/".join(steps[: len(steps) - len(steps) % 2])
