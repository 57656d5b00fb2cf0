"""Scopes: a subscription, a group or a resource, at which something is that holds for all below it."""

from vmops.local.arm.state.resource import Json


def covers(upper: str, lower: str) -> bool:
    """Tell whether a scope is another one, or above it; both in lower case."""
    return lower == upper or lower.startswith(f"{upper}/")


def scope_of(extension: Json, path: str) -> str:
    """Return the scope at which something is, whose id has the path of its type, such as that of locks, after it."""
    rid: str = extension["id"]
    return rid[: rid.lower().rindex(path.lower())]
