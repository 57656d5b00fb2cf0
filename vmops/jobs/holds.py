"""Who may hold a VM, or remove it as its holder: decided under the VM's lock, from the records of this host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.holder import Holder, refusal
from vmops.deploy.holding import mark_of
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.store import Store
from vmops.spec.names import EXPIRES_TAG


@dataclass(frozen=True)
class Terms:
    """What a request may do with a VM that somebody holds; by default a person's request, which makes no holder.

    ``mark`` identifies the holder in the record; '' for none.
    """

    mark: str = ""
    take_over: bool = False

    def check(self, store: Store, stack: str, vm_id: str) -> None:
        """Check, under the lock, that a deployment may be recorded. Raises: OperationFailed (conflict)."""

    def permit(self, store: Store, stack: str, machine: Mapping[str, Any]) -> None:
        """Check that an existing VM may be taken. Raises: OperationFailed (conflict), saying who holds it."""

    def check_join(self, store: Store, other: Operation) -> bool:  # noqa: ARG002
        """Tell whether an operation in flight may be joined. Raises: OperationFailed (conflict)."""
        return True


NOBODY = Terms()


@dataclass(frozen=True)
class Entering(Terms):
    """The request of a program that wants to hold a VM; with ``take_over`` it gets the VM even if another holds it."""

    def check(self, store: Store, stack: str, vm_id: str) -> None:
        """Refuse a VM that another, living holder has, even if the VM does not exist yet, or was removed."""
        life = store.life(stack)
        held = _held(life)
        if held and not self.take_over and held.hold != self.mark and _lives(held.hold, life, held.expires):
            raise OperationFailed(refusal(held.hold, vm_id))

    def check_join(self, store: Store, other: Operation) -> bool:
        """Allow joining an operation of a dead holder of the same kind; without ``take_over``, not a person's."""
        if other.hold and other.verb is Verb.PROVISION:
            self._judge(other.hold, store.life(other.stack), other.expires, other.identity.vm_id)
        return bool(other.hold) or self.take_over

    def permit(self, store: Store, stack: str, machine: Mapping[str, Any]) -> None:
        """Check that an existing VM may be taken. Raises: OperationFailed (conflict), saying who holds it."""
        expires = (machine.get("tags") or {}).get(EXPIRES_TAG, "")
        self._judge(mark_of(machine), store.life(stack), times.parse_utc(expires), str(machine["id"]))

    def _judge(self, mark: str, life: Sequence[Operation], expires: float, vm_id: str) -> None:
        """Refuse a VM unless its last holder is dead and of the same kind. Raises: OperationFailed (conflict)."""
        if self.take_over or (mark and mark == self.mark):
            return
        before, me = Holder.read(mark), Holder.read(self.mark)
        ended = before is not None and not _lives(mark, life, expires)
        if not (ended and before and me and before.kind is me.kind):
            raise OperationFailed(refusal(mark, vm_id, ended=ended))


@dataclass(frozen=True)
class Leaving(Terms):
    """The request of a program that removes the VM that it holds."""

    def check(self, store: Store, stack: str, vm_id: str) -> None:
        """Refuse a VM that another holder has taken over on this host; on other hosts, the VM's tag tells."""
        life = store.life(stack)
        holds = mark_in(life)
        if holds != self.mark and any(each.verb is Verb.PROVISION for each in life):
            raise OperationFailed(refusal(holds, vm_id))


def terms_of(operation: Operation, *, take_over: bool) -> Terms:
    """Give the terms with which an operation was recorded."""
    if not operation.hold:
        return NOBODY
    return (Entering if operation.verb is Verb.PROVISION else Leaving)(operation.hold, take_over)


def mark_in(life: Sequence[Operation]) -> str:
    """Give the mark of a VM's holder, from its records since its last removal; '' for nobody."""
    held = _held(life)
    return held.hold if held else ""


def _held(life: Sequence[Operation]) -> Operation | None:
    """Give the newest provision with a holder."""
    return next((each for each in life if each.hold and each.verb is Verb.PROVISION), None)


def _lives(mark: str, life: Sequence[Operation], expires: float) -> bool:
    """Tell whether the holder of a mark may be alive, and has not begun to remove the VM."""
    holder = Holder.read(mark)
    marks = {(each.verb, each.hold) for each in life}
    if holder is None or (Verb.DEPROVISION, mark) in marks:
        return holder is None
    return holder.lives(recorded=(Verb.PROVISION, mark) in marks, expires=expires)
