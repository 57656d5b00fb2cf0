"""A deployment as its caller sees it: started, joined, and polled until it is done."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from vmops.azure import ownership, vm_state
from vmops.azure.client import Arm
from vmops.core import host, interpreter
from vmops.core.errors import OperationFailed, RecordsUnusable, StartFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet
from vmops.core.settings import Settings
from vmops.core.signals import signals_deferred
from vmops.deploy import readiness
from vmops.jobs import admission, start
from vmops.jobs.cancel import cancel
from vmops.jobs.handed import HandedOrders
from vmops.jobs.holds import NOBODY, Terms
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store
from vmops.ops import direct, unchanged
from vmops.ops.absence import Absence
from vmops.ops.account import account
from vmops.ops.claims import Claims
from vmops.ops.elsewhere import refuse_another_place
from vmops.ops.record import record
from vmops.ops.remembered import Asked
from vmops.ops.results import classify
from vmops.spec.target import Target

_LOOK = 0.05
"""Seconds between two reads of a record whose worker has not started, or runs on another host."""

_MOST = 0.5
"""Longest poll interval, in seconds, while an operation is queued: a hundred waiters must not poll all the time."""

_REST = 1.0
"""Seconds between two reads of a record whose worker is known to be alive."""

_CUT_OFF = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.BUG, FailureKind.LOCKED})
"""Failures after which a write may still be in flight."""


@dataclass(frozen=True)
class Deployments:
    """The deployments of one state directory; ``arm`` connects to the cloud of a target."""

    settings: Settings
    store: Store
    arm: Callable[[Target], Arm]
    handed: HandedOrders = field(default_factory=HandedOrders)

    def provision(self, asked: Asked, terms: Terms = NOBODY) -> Operation | None:
        """Start making the VM; None if it is as asked for, runs, and no new holder wants it.

        Raises: OperationFailed (locked) if another deployment of the VM is in flight, (conflict) if another holds it,
        (invalid) if its SSH is to be waited for and nothing will answer; RecordsUnusable if nothing can be recorded.
        """
        self.store.require()
        spec, latest = asked.spec, self.store.latest(asked.spec.stack)
        if spec.wait_for == "ssh":
            readiness.refuse_silent(self.arm(spec), spec)
        if latest and unchanged.is_made(latest, asked) and not terms.mark:
            seen = unchanged.seen_as_asked(self.arm(spec), self.claim(spec), spec, latest.outputs)
            if seen:
                self._keep_up(latest, asked, seen)
                return None
        return self._begin(spec, record(self.settings, spec, Verb.PROVISION, asked), terms, asked.changed())

    def deprovision(self, target: Target, terms: Terms = NOBODY) -> Operation | None:
        """Start removing the VM; None if it was removed before and nothing of it is seen.

        A provision in flight is ended first, by the worker. Where nothing can be recorded, the VM is removed here and
        now, by ARM alone: None then, too.

        Raises: OperationFailed (not_found) if it never was in this place, and one of that name is in another; without
        records, if it could not be removed.
        """
        try:
            self.store.require()
            return self._deprovision(target, terms)
        except RecordsUnusable as why:
            with suppress(RecordsUnusable):
                refuse_another_place(self.store, self.arm, self.absence(target))
            direct.remove(self.settings, target, self.claim(target), mark=terms.mark, why=why)
            self._record_removed(target)
            return None

    def _record_removed(self, target: Target) -> None:
        """Let a recorded removal whose worker could not be started end as such a removal ends."""
        with suppress(RecordsUnusable):
            asked = self.store.in_flight(target.stack, Verb.DEPROVISION)
            if asked and self.store.transition(asked.id, State.RUNNING, origin=State.PENDING, started=time.time()):
                self.store.transition(asked.id, State.SUCCEEDED, ended=time.time())

    def _deprovision(self, target: Target, terms: Terms) -> Operation | None:
        absence = self.absence(target)
        if absence.removed_here and absence.look() == {}:
            return None
        refuse_another_place(self.store, self.arm, absence)
        return self._begin(target, record(self.settings, target, Verb.DEPROVISION), terms)

    def look(self, operation: Operation) -> dict[str, Any] | Failure | NotYet:
        """Poll a deployment once: its result if it succeeded, its failure, or `NotYet` while it is in flight.

        If its worker is dead, that is found and recorded here.
        """
        now = self.settled(operation)
        if not now.over:
            here = now.pid and host.is_this(now.host_id, now.host)
            return NotYet(_REST, now.pid) if here else NotYet(_LOOK, most=_MOST)
        return now.failure or account(self.settings.state_dir, now)

    def settled(self, operation: Operation) -> Operation:
        """Give the present state of an operation. If its worker is dead, it is recorded as interrupted."""
        self.handed.tend(self.settings, self.store, operation)
        return admission.mark_if_dead(self.store, self.settings.state_dir, operation)

    def claim(self, target: Target, owner: str = "") -> ownership.Claim:
        """Give the claim with which a verb acts on a VM; by default for the owner of the settings."""
        return Claims(self.store, owner or self.settings.owner)(target)

    def absence(self, target: Target) -> Absence:
        """Give the checks of one wait for a VM to be gone."""
        made = self.store.made(target.stack, self.settings.owner)
        latest = self.store.latest(target.stack)
        return Absence(self.arm(target), self.claim(target), target, latest, made.last_write())

    def look_for(self, target: Target, verb: Verb, absence: Absence) -> dict[str, Any] | Failure | NotYet:
        """Check once whether a VM is deployed, or gone; the record decides only while in flight or failed."""
        latest = self.store.latest(target.stack)
        if latest and latest.verb is verb:
            ended = self.look(latest)
            if not isinstance(ended, dict):
                return ended
            return self._still(target, latest, ended, absence)
        if latest and not self.settled(latest).over:
            return admission.lock_conflict(latest)
        if verb is Verb.DEPROVISION:
            return absence.look()
        seen = vm_state.get_vm_state(self.arm(target), target.vm_id)
        if seen is None and latest is None:
            self.store.require()
        if seen is None and (latest or not self._in_backend(target)):
            return Failure(
                FailureKind.NOT_FOUND, "neither a record, the backend nor ARM knows this VM", resource=target.vm_id
            )
        return {"id": seen.resource["id"]} if seen and seen.running else vm_state.next_poll(target.poll_interval)

    def _still(
        self, target: Target, latest: Operation, ended: dict[str, Any], absence: Absence
    ) -> dict[str, Any] | Failure | NotYet:
        """Check that a success on record still holds."""
        if latest.verb is Verb.DEPROVISION:
            found = absence.look()
            return ended if found == {} else found
        existing = self.arm(target).get(target.vm_id)
        if existing is None:
            message = "it was made, and is gone: it was deleted by somebody else"
            return Failure(FailureKind.NOT_FOUND, message, resource=target.vm_id, step="provision it again")
        claim = self.claim(target, latest.owner)
        return ended if ownership.is_ours(existing, claim) else ownership.refusal(existing, claim)

    def refuse_in_flight(self, target: Target) -> None:
        """Check that no deployment of the VM is in flight.

        Raises: OperationFailed (locked), saying who, what and since when.
        """
        for verb in Verb:
            found = self.store.in_flight(target.stack, verb)
            if found and not self.settled(found).over:
                raise OperationFailed(admission.lock_conflict(found))

    def cancel(self, target: Target) -> bool:
        """End what is in flight on the VM, within 30 seconds each; tell whether nobody works on it any more.

        A removal is ended first: its worker also holds the lock of a provision.
        """
        order = (Verb.DEPROVISION, Verb.PROVISION)
        return all(cancel(self.store, self.settings.state_dir, target.stack, verb) for verb in order)

    @signals_deferred()
    def _begin(self, target: Target, new: Operation, terms: Terms, changed: Sequence[str] | None = None) -> Operation:
        """Record a deployment and start its worker, or join the one in flight if it has the same goal.

        Signals are deferred until that is done, so that a recorded deployment always has a worker.

        Raises: StartFailed if there is no Python for a worker; the record has failed then.
        """
        interpreter.find()
        asked = replace(new, hold=terms.mark)
        check = partial(terms.check, self.store, target.stack, target.vm_id)
        with direct.recorded():
            admitted = admission.admit(self.store, self.settings.state_dir, asked, check)
        if not isinstance(admitted, admission.Admitted):
            joins = admitted and terms.check_join(self.store, admitted)
            if admitted and joins and unchanged.serves(admitted, new):
                return admitted
            raise OperationFailed(admission.lock_conflict(admitted))
        doubtful = _in_doubt(admitted.before, new.verb)
        settings = self.settings
        how = (settings.backend(), settings.engine, settings.engine_silence, doubtful, terms.take_over, changed)
        order = JobRequest(target.to_wire(), *how)
        try:
            with direct.recorded():
                start.start_worker(self.settings, asked, order, admitted.lock)
            self.handed.keep(asked, order)
        except StartFailed as error:
            self.store.transition(asked.id, State.FAILED, ended=time.time(), failure=classify(error))
            raise
        finally:
            os.close(admitted.lock)
        return asked

    def _keep_up(self, made: Operation, asked: Asked, seen: vm_state.VmState) -> None:
        """Record the new parameters of a VM that needs no deployment, and start its time to live anew.

        Without a time to live in the parameters, the VM keeps what it has, unless that was unset.
        """
        ttl, taken_back = asked.spec.ttl, bool(asked.unset & {"ttl", "budget"})
        kept = {} if ttl or taken_back else {name: made.given[name] for name in ("ttl",) if name in made.given}
        self.store.remember(made.id, {**asked.given, **kept})
        if ttl or taken_back:
            expires = time.time() + ttl if ttl else 0.0
            self.store.extend(made.id, expires)
            ownership.extend(self.arm(asked.spec), seen.resource, expires)

    def _in_backend(self, target: Target) -> bool:
        """Tell whether the engine's backend knows the VM's stack: another host may be about to make it."""
        from vmops.ops.reading import reading

        with reading(self.settings, self.store, target) as site:
            return site.stack.state() is not None


def _in_doubt(before: Operation | None, verb: Verb) -> bool:
    """Tell whether the engine's state may lack resources that exist, or a removal may still be in progress."""
    if verb is Verb.PROVISION:
        return before is None or before.state is not State.SUCCEEDED
    if before is None:
        return False
    return before.failure.kind in _CUT_OFF if before.failure else not before.over
