"""How many VMs a fleet has, and which of them is meant."""

from pydantic import ValidationInfo

from vmops.spec.rules.values import within

MOST = 100
"""Members of a fleet: the engine writes its whole state after each step, so that more would cost their square."""

LONGEST_NAME = 58
"""Characters of a fleet's name: the names of its members are longer."""


def count(value: object, info: ValidationInfo) -> int:
    """Return how many VMs are asked for."""
    name = info.data.get("vm_name", "")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"{name!r} is too long for a fleet's name (1 to {LONGEST_NAME} characters)")
    return within(value, 1, MOST, f"a number of VMs (1 to {MOST})")


def least(value: object, info: ValidationInfo) -> int:
    """Return how many of them are enough."""
    most = info.data.get("vm_count")
    if most is None:
        raise ValueError(f"{value!r} needs vmCount")
    return within(value, 1, most, f"a number of VMs (1 to vmCount, {most})")


def member(value: object) -> int:
    """Return the number of a fleet's member, the first of which is 0."""
    return within(value, 0, MOST - 1, f"the number of a member (0 to {MOST - 1})")
