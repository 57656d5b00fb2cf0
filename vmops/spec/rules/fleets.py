"""Rules for the number of a fleet's VMs, and for the number of a member."""

from pydantic import ValidationInfo

from vmops.spec.rules.values import within

MOST = 100
"""The most members of a fleet: the engine writes its whole state after each step, so that the cost grows as the square.
"""

LONGEST_NAME = 58
"""The most characters of a fleet's name: its members' names are longer."""


def count(value: object, info: ValidationInfo) -> int:
    """Check the number of VMs."""
    name = info.data.get("vm_name", "")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"{name!r} is too long for a fleet's name (1 to {LONGEST_NAME} characters)")
    return within(value, 1, MOST, f"a number of VMs (1 to {MOST})")


def least(value: object, info: ValidationInfo) -> int:
    """Check the number of VMs that are enough."""
    most = info.data.get("vm_count")
    if most is None:
        raise ValueError(f"{value!r} needs vmCount")
    return within(value, 1, most, f"a number of VMs (1 to vmCount, {most})")


def member(value: object) -> int:
    """Check the number of a member; the first is 0."""
    return within(value, 0, MOST - 1, f"the number of a member (0 to {MOST - 1})")
