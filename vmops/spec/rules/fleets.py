"""Rules for the number of a fleet's VMs, and for the number of a member."""

from pydantic import ValidationInfo

from vmops.spec.rules.values import within

MAX_MEMBERS = 100
"""The most members of a fleet. The engine writes its whole state after each step, so the cost grows quadratically."""

MAX_NAME_LENGTH = 58
"""The longest name of a fleet, in characters; its members' names are longer."""


def count(value: object, info: ValidationInfo) -> int:
    """Check the number of VMs."""
    name = info.data.get("vm_name", "")
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"{name!r} is too long for a fleet's name (1 to {MAX_NAME_LENGTH} characters)")
    return within(value, 1, MAX_MEMBERS, f"a number of VMs (1 to {MAX_MEMBERS})")


def min_count(value: object, info: ValidationInfo) -> int:
    """Check the number of VMs that are enough."""
    most = info.data.get("vm_count")
    if most is None:
        raise ValueError(f"{value!r} needs vmCount")
    return within(value, 1, most, f"a number of VMs (1 to vmCount, {most})")


def member(value: object) -> int:
    """Check the number of a member; the first is 0."""
    return within(value, 0, MAX_MEMBERS - 1, f"the number of a member (0 to {MAX_MEMBERS - 1})")
