"""A deployment from its caller's side: begun, joined, and looked at until it is over."""

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
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store
from vmops.ops import direct, lasting, unchanged
from vmops.ops.absence import Absence
from vmops.ops.account import account
from vmops.ops.claims import Claims
from vmops.ops.elsewhere import refuse_another_place
from vmops.ops.record import in_doubt, record, switch_record
from vmops.ops.remembered import Asked, Remembered
from vmops.ops.results import classify
from vmops.spec.target import Target

_LOOK = 0.05
"""Seconds between two looks at a record whose worker has not begun, or works on another host."""

_MOST = 0.5
"""Seconds between two looks in the end: of those who wait for a hundred that queue nobody looks all the time."""

_REST = 1.0
"""Seconds between two looks at a record whose worker is seen to live."""


@dataclass(frozen=True)
class Deployments:
    """The deployments of one state directory; ``arm`` connects to the cloud of a target."""

    settings: Settings
    store: Store
    arm: Callable[[Target], Arm]
    handed: HandedOrders = field(default_factory=HandedOrders)

    def provision(self, asked: Asked, terms: Terms = NOBODY, replaces: Sequence[int] = ()) -> Operation | None:
        """Begin to make the VM as it is asked for; None if it is so already, runs, and is to be held by nobody new.

        Members of a fleet that it ``replaces`` are made anew in any case.

        Raises: OperationFailed (locked) if another deployment of the VM is in flight, (conflict) if another holds it,
        (invalid) if its SSH is to be waited for and nothing will answer; RecordsUnusable if nothing can be recorded.
        """
        self.store.require()
        spec, latest = asked.spec, self.store.latest(asked.spec.stack)
        if spec.wait_for == "ssh":
            readiness.refuse_silent(self.arm(spec), spec)
        if replaces:
            self.refuse_in_flight(spec)
        elif latest and unchanged.is_made(latest, asked) and not terms.mark:
            here = Remembered(self.settings, self.store).here(spec)
            seen = unchanged.seen_as_asked(self.arm(spec), self.claim(spec), here, latest.outputs)
            if seen:
                self._keep_up(latest, asked, seen)
                return None
        new = record(self.settings, spec, Verb.PROVISION, asked)
        return self._begin(spec, new, terms, (asked.changed(), replaces))

    def deprovision(self, target: Target, terms: Terms = NOBODY) -> Operation | None:
        """Begin to remove the VM; None if it was removed before, and nothing of it is seen.

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
        """Have a removal that was recorded, and whose worker could not be started, end as it did end."""
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
        """Look once at a deployment: an account of it if it succeeded, its failure, or `NotYet` while it is in flight.

        A dead worker is noticed here, and recorded.
        """
        now = self.settled(operation)
        if not now.over:
            here = now.pid and host.is_this(now.host_id, now.host)
            return NotYet(_REST, now.pid) if here else NotYet(_LOOK, most=_MOST)
        return now.failure or account(self.settings.state_dir, now)

    def settled(self, operation: Operation) -> Operation:
        """Give an operation as it now stands; one whose worker is dead is recorded as interrupted."""
        self.handed.tend(self.settings, self.store, operation)
        return admission.mark_if_dead(self.store, self.settings.state_dir, operation)

    def claim(self, target: Target, owner: str = "") -> ownership.Claim:
        """Give in whose name a verb acts on a VM: by default in that of the settings."""
        return Claims(self.store, owner or self.settings.owner)(target)

    def absence(self, target: Target) -> Absence:
        """Give the looks of one wait for a VM to be gone."""
        made = self.store.made(target.stack, self.settings.owner)
        latest = self.store.latest(target.stack)
        return Absence(self.arm(target), self.claim(target), target, latest, made.last_write())

    def look_for(self, target: Target, verb: Verb, absence: Absence) -> dict[str, Any] | Failure | NotYet:
        """Look once whether a VM is deployed, or gone: no record is an answer, but of what is in flight, or failed."""
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
        """See that what a record says has ended well is so still."""
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

        A removal goes first: its worker holds the lock of a provision too.
        """
        order = (Verb.DEPROVISION, Verb.PROVISION)
        return all(cancel(self.store, self.settings.state_dir, target.stack, verb) for verb in order)

    @signals_deferred()
    def _begin(self, target: Target, new: Operation, terms: Terms, how: tuple[Any, ...] = ()) -> Operation:
        """Record a deployment and start its worker, or join the one in flight if it is for the same thing.

        A signal comes before or after that, so that what is recorded as begun does go on.

        Raises: StartFailed if there is no Python for a worker; what is recorded then has failed.
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
        doubtful = in_doubt(admitted.before, new.verb)
        settings = self.settings
        engine = (settings.backend(), settings.engine, settings.engine_silence)
        order = JobRequest(target.to_wire(), *engine, doubtful, terms.take_over, *how)
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

    def _keep_up(self, made: Operation, asked: Asked, seen: Sequence[Mapping[str, Any]]) -> None:
        """Remember how a VM that is so already is asked for, and let it live its whole time to live from now on.

        One that is asked for without a time to live keeps what it has, unless that was taken back.
        """
        ttl, taken_back = asked.spec.ttl, bool(asked.unset & {"ttl", "budget"})
        kept = {} if ttl or taken_back else {name: made.given[name] for name in ("ttl",) if name in made.given}
        self.store.remember(made.id, {**asked.given, **kept})
        if ttl or taken_back:
            expires = time.time() + ttl if ttl else 0.0
            self.store.extend(made.id, expires)
            for machine in seen:
                ownership.extend(self.arm(asked.spec), machine, expires)

    def _in_backend(self, target: Target) -> bool:
        """Tell whether the engine's backend knows the VM's stack: another host may be about to make it."""
        from vmops.ops.reading import reading

        with reading(self.settings, self.store, target) as site:
            return site.stack.state() is not None
