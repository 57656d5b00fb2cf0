"""Scopes: a subscription, a group or a resource; what is assigned at a scope holds for everything below it."""

from vmops.local.arm.state.resource import Json


def covers(upper: str, lower: str) -> bool:
    """Tell whether ``upper`` is the same scope as ``lower``, or above it; both in lower case."""
    return lower == upper or lower.startswith(f"{upper}/")


def scope_of(extension: Json, path: str) -> str:
    """Return the scope in a path: the part before the path of an extension's type, such as that of locks."""
    rid: str = extension["id"]
    return rid[: rid.lower().rindex(path.lower())]
