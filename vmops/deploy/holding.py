"""The tag of a VM that marks its holder: it stays, or a new holder writes its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure import vm_state
from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.holder import refusal
from vmops.core.polling import NotYet, first_poll_after, poll_until
from vmops.spec.names import HOLD_TAG

_WRITE_WINDOW = 2.0
"""Seconds to wait after writing a mark, so that two hosts that take a VM at the same time both see the last one."""

Machine = Mapping[str, Any]


@dataclass(frozen=True)
class Marking:
    """How a VM is to be marked: with the ``mark`` of its new holder, or unchanged.

    ``permit`` checks that a VM with another mark, or with none, may be taken; it raises OperationFailed (conflict).
    """

    mark: str = ""
    permit: Callable[[Machine], None] = lambda _: None


AS_IT_IS = Marking()


def mark_of(machine: Machine | None) -> str:
    """Give the mark of a VM; empty if it has none, or does not exist."""
    return str(((machine or {}).get("tags") or {}).get(HOLD_TAG, ""))


def take(arm: Arm, machine: Machine, marking: Marking, *, interval: float, timeout: float) -> None:
    """Mark an existing VM, if it may be taken. If two do so at once, the last one has it.

    Raises: OperationFailed (conflict) if it may not, or if another has it in the end; CloudError if ARM refuses.
    """
    if not marking.mark or mark_of(machine) == marking.mark:
        return
    marking.permit(machine)
    vm_id = str(machine["id"])
    arm.merge_tags(vm_id, {HOLD_TAG: marking.mark})

    def check() -> bool | NotYet:
        found = arm.get(vm_id)
        return vm_state.next_poll(interval) if found and vm_state.in_transit(found) else True

    poll_until(first_poll_after(_WRITE_WINDOW, check), timeout=_WRITE_WINDOW + timeout)
    mark_to_declare(arm, vm_id, marking)


def mark_to_declare(arm: Arm, vm_id: str, marking: Marking) -> str:
    """Read a VM, and give the mark to declare: the new holder's, else the present one.

    Raises: OperationFailed (conflict) if it exists and has another mark; CloudError if ARM refuses.
    """
    machine = arm.get(vm_id)
    there = mark_of(machine)
    if marking.mark and machine is not None:
        require(machine, marking.mark)
    return marking.mark or there


def require(machine: Machine, mark: str) -> None:
    """Check that a VM has a mark. Raises: OperationFailed (conflict), saying who holds it."""
    if mark_of(machine) != mark:
        raise OperationFailed(refusal(mark_of(machine), str(machine["id"])))
