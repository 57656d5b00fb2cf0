"""A deployment as its caller sees it: started, joined, and polled until it is done."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
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
from vmops.jobs.opened import vm_key
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops import direct, lasting, orders, unchanged
from vmops.ops.absence import Absence
from vmops.ops.account import account
from vmops.ops.claims import Claims
from vmops.ops.elsewhere import refuse_another_place
from vmops.ops.record import record, switch_record
from vmops.ops.remembered import Asked, Remembered
from vmops.ops.results import classify
from vmops.spec.target import Target

_LOOK = 0.05
"""Seconds between two reads of a record whose worker has not started, or runs on another host."""

_MOST = 0.5
"""Longest poll interval, in seconds, while an operation is queued: a hundred waiters must not poll all the time."""

_NET = 2.0
"""Seconds between two reads of a record whose changes are notified: a notification may be lost."""

_REST = 1.0
"""Seconds between two reads of a record whose worker is known to be alive."""


@dataclass(frozen=True)
class Deployments:
    """The deployments of one state directory; ``arm`` connects to the cloud of a target."""

    settings: Settings
    store: Store
    arm: Callable[[Target], Arm]
    handed: HandedOrders = field(default_factory=HandedOrders)

    def provision(self, asked: Asked, terms: Terms = NOBODY, replaces: Sequence[int] = ()) -> Operation | None:
        """Begin to make the VM as it is asked for; None if it is so already, runs, and is to be held by nobody new.

        Members of a fleet that it ``replaces`` are replaced in any case.

        Raises: OperationFailed (locked) if another deployment of the VM is in flight, (conflict) if another holds it,
        (invalid) if its SSH is to be waited for and nothing will answer; RecordsUnusable if nothing can be recorded.
        """
        self.store.require()
        spec, latest = asked.spec, self.store.latest(asked.spec.stack)
        if spec.wait_for == "ssh":
            readiness.refuse_silent(self.arm(spec), spec)
        if replaces:
            self.refuse_in_flight(spec)
        elif latest and unchanged.is_made(self.store, self.arm, latest, asked) and not terms.mark:
            here = Remembered(self.settings, self.store).here(spec)
            seen = unchanged.seen_as_asked(self.arm(spec), self.claim(spec), here, latest.outputs)
            if seen:
                self._keep_up(latest, asked, seen)
                return None
        new = record(self.settings, spec, Verb.PROVISION, asked)
        return self._begin(spec, new, terms, (asked.changed(), replaces))

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

    def switch(self, target: Target, action: str) -> Operation:
        """Begin to switch all VMs of a fleet. Raises: OperationFailed (locked) if anything of it is in flight."""
        return self._begin(target, switch_record(self.settings, target, action), NOBODY, (None, (), action))

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
        channel = self.store.channel()
        now = self.settled(operation)
        if not now.over and channel:
            return NotYet(_NET, channel=channel)
        if not now.over:
            here = now.pid and host.is_this(now.host_id, now.host)
            return NotYet(_REST, now.pid) if here else NotYet(_LOOK, max_interval=_MOST)
        vm_key(self.settings, self.store, now.stack)
        return now.failure or account(self.settings.state_dir, now)

    def settled(self, operation: Operation) -> Operation:
        """Give the present state of an operation. If its worker is dead, it is recorded as interrupted."""
        if not self.store.is_shared:
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
        return lasting.still(self.arm(target), self.claim(target, latest.owner), target, ended)

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
    def _begin(self, target: Target, new: Operation, terms: Terms, how: tuple[Any, ...] = ()) -> Operation:
        """Record a deployment and start its worker, or join the one in flight if it has the same goal.

        Signals are deferred until that is done, so that a recorded deployment always has a worker.

        Raises: StartFailed if there is no Python for a worker; the record has failed then.
        """
        asked = replace(new, hold=terms.mark)
        check = partial(terms.check, self.store, target.stack, target.vm_id)
        order = partial(orders.order, self.settings, target, new.verb, terms, how)
        if self.store.is_shared:
            return orders.queued(self.settings, self.store, asked, terms, check, order)
        interpreter.find()
        with direct.recorded():
            admitted = admission.admit(self.store, self.settings.state_dir, asked, check)
        if not isinstance(admitted, admission.Admitted):
            return orders.joined(self.store, admitted, new, terms)
        try:
            told = order(admitted.before)
            with direct.recorded():
                start.start_worker(self.settings, asked, told, admitted.lock)
            self.handed.keep(asked, told)
        except StartFailed as error:
            self.store.transition(asked.id, State.FAILED, ended=time.time(), failure=classify(error))
            raise
        finally:
            os.close(admitted.lock)
        return asked

    def _keep_up(self, made: Operation, asked: Asked, seen: Sequence[Mapping[str, Any]]) -> None:
        """Record the new parameters of a VM that needs no deployment, and start its time to live anew.

        Without a time to live in the parameters, the VM keeps what it has, unless that was unset.
        """
        ttl, taken_back = asked.spec.ttl, bool(asked.unset & {"ttl", "budget"})
        kept = {} if ttl or taken_back else {name: made.given[name] for name in ("ttl",) if name in made.given}
        self.store.remember(made.id, {**asked.given, **kept})
        if ttl or taken_back:
            expires = self.store.now() + ttl if ttl else 0.0
            self.store.extend(made.id, expires)
            for machine in seen:
                ownership.extend(self.arm(asked.spec), machine, expires)

    def _in_backend(self, target: Target) -> bool:
        """Tell whether the engine's backend knows the VM's stack: another host may be about to make it."""
        from vmops.ops.reading import reading

        with reading(self.settings, self.store, target) as site:
            return site.stack.state() is not None
