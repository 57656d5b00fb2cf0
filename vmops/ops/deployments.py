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
from vmops.jobs.holds import NOBODY, Terms
from vmops.jobs.opened import vm_key
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.sent_jobs import SentJobs
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

_POLL_INTERVAL = 0.05
"""Seconds between the first two reads of a record whose worker has not started, or runs on another host."""

_MAX_POLL_INTERVAL = 0.5
"""Longest interval between two such reads, in seconds: there may be a hundred waiters."""

_NOTIFIED_POLL_INTERVAL = 2.0
"""Seconds between two reads of a record whose changes are notified: a notification may be lost."""

_WATCHED_POLL_INTERVAL = 1.0
"""Seconds between two reads of a record whose worker's process is watched."""


@dataclass(frozen=True)
class Deployments:
    """The deployments of one state directory; ``arm`` connects to the cloud of a target."""

    settings: Settings
    store: Store
    arm: Callable[[Target], Arm]
    sent_jobs: SentJobs = field(default_factory=SentJobs)

    def provision(self, asked: Asked, terms: Terms = NOBODY, replaces: Sequence[int] = ()) -> Operation | None:
        """Start a provision; None if the VM is as requested and runs, and the request has no holder.

        The members of a fleet in ``replaces`` are replaced in any case.

        Raises: OperationFailed (locked) if another deployment of the VM is in flight, (conflict) if another holds it,
        (invalid) if it is to wait for SSH and nothing will answer; RecordsUnusable if nothing can be recorded.
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
                self._update_record(latest, asked, seen)
                return None
        new = record(self.settings, spec, Verb.PROVISION, asked)
        return self._begin(spec, new, terms, (asked.changed(), replaces))

    def deprovision(self, target: Target, terms: Terms = NOBODY) -> Operation | None:
        """Start removing the VM; None if it was removed before and nothing of it exists.

        The worker ends a provision in flight first. If nothing can be recorded, this process removes the VM at once,
        without the engine: then also None.

        Raises: OperationFailed (not_found) if it never was in this place, but a VM of that name is in another; without
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
        """Start a power operation on all VMs of a fleet. Raises: OperationFailed (locked) if it has one in flight."""
        return self._begin(target, switch_record(self.settings, target, action), NOBODY, (None, (), action))

    def _record_removed(self, target: Target) -> None:
        """Record that a removal succeeded that was recorded before its worker could not be started."""
        with suppress(RecordsUnusable):
            asked = self.store.in_flight(target.stack, Verb.DEPROVISION)
            if asked and self.store.transition(asked.id, State.RUNNING, origin=State.PENDING, started=time.time()):
                self.store.transition(asked.id, State.SUCCEEDED, ended=time.time())

    def _deprovision(self, target: Target, terms: Terms) -> Operation | None:
        absence = self.absence(target)
        if absence.removed_here and absence.poll() == {}:
            return None
        refuse_another_place(self.store, self.arm, absence)
        return self._begin(target, record(self.settings, target, Verb.DEPROVISION), terms)

    def poll(self, operation: Operation) -> dict[str, Any] | Failure | NotYet:
        """Poll a deployment once: its result if it succeeded, its failure, or `NotYet` while it is in flight.

        If its worker is dead, it is recorded as interrupted.
        """
        channel = self.store.channel()
        now = self.refreshed(operation)
        if not now.over and channel:
            return NotYet(_NOTIFIED_POLL_INTERVAL, channel=channel)
        if not now.over:
            if now.pid and host.is_this(now.host_id, now.host):
                return NotYet(_WATCHED_POLL_INTERVAL, now.pid)
            return NotYet(_POLL_INTERVAL, max_interval=_MAX_POLL_INTERVAL)
        vm_key(self.settings, self.store, now.stack)
        return now.failure or account(self.settings.state_dir, now)

    def refreshed(self, operation: Operation) -> Operation:
        """Give the present record of an operation. If its worker is dead, it is recorded as interrupted."""
        if not self.store.is_shared:
            self.sent_jobs.tend(self.settings, self.store, operation)
        return admission.mark_if_dead(self.store, self.settings.state_dir, operation)

    def claim(self, target: Target, owner: str = "") -> ownership.Claim:
        """Give the claim with which a verb acts on a VM; by default for the owner of the settings."""
        return Claims(self.store, owner or self.settings.owner)(target)

    def absence(self, target: Target) -> Absence:
        """Give the checks of one wait for a VM to be gone."""
        made = self.store.made(target.stack, self.settings.owner)
        latest = self.store.latest(target.stack)
        return Absence(self.arm(target), self.claim(target), target, latest, made.last_write())

    def poll_vm(self, target: Target, verb: Verb, absence: Absence) -> dict[str, Any] | Failure | NotYet:
        """Check once whether a VM is deployed, or gone; the record decides only while in flight or failed."""
        latest = self.store.latest(target.stack)
        if latest and latest.verb is verb:
            ended = self.poll(latest)
            if not isinstance(ended, dict):
                return ended
            return self._still(target, latest, ended, absence)
        if latest and not self.refreshed(latest).over:
            return admission.lock_conflict(latest)
        if verb is Verb.DEPROVISION:
            return absence.poll()
        seen = vm_state.get_vm_state(self.arm(target), target.vm_id)
        if seen is None and latest is None:
            self.store.require()
        if seen is None and (latest or not self._in_backend(target)):
            return Failure(
                FailureKind.NOT_FOUND,
                "this VM is not in the records, in the engine's backend or in ARM",
                resource=target.vm_id,
            )
        return {"id": seen.resource["id"]} if seen and seen.running else vm_state.next_poll(target.poll_interval)

    def _still(
        self, target: Target, latest: Operation, ended: dict[str, Any], absence: Absence
    ) -> dict[str, Any] | Failure | NotYet:
        """Check that the result of a recorded success still holds."""
        if latest.verb is Verb.DEPROVISION:
            found = absence.poll()
            return ended if found == {} else found
        return lasting.still(self.arm(target), self.claim(target, latest.owner), target, ended)

    def refuse_in_flight(self, target: Target) -> None:
        """Check that no deployment of the VM is in flight.

        Raises: OperationFailed (locked), naming who works on it, on what, and since when.
        """
        for verb in Verb:
            found = self.store.in_flight(target.stack, verb)
            if found and not self.refreshed(found).over:
                raise OperationFailed(admission.lock_conflict(found))

    def cancel(self, target: Target) -> bool:
        """End the operations in flight on the VM, within 30 seconds each; tell whether none has a worker any more.

        A removal is ended first: its worker also holds the lock of a provision.
        """
        order = (Verb.DEPROVISION, Verb.PROVISION)
        return all(cancel(self.store, self.settings.state_dir, target.stack, verb) for verb in order)

    @signals_deferred()
    def _begin(self, target: Target, new: Operation, terms: Terms, how: tuple[Any, ...] = ()) -> Operation:
        """Record a deployment and start its worker, or join the one in flight if it has the same goal.

        Signals are deferred until then, so that a recorded deployment always has a worker.

        Raises: StartFailed if no Python can be started for a worker; then the operation is recorded as failed.
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
            job = order(admitted.before)
            with direct.recorded():
                start.start_worker(self.settings, asked, job, admitted.lock)
            self.sent_jobs.keep(asked, job)
        except StartFailed as error:
            self.store.transition(asked.id, State.FAILED, ended=time.time(), failure=classify(error))
            raise
        finally:
            os.close(admitted.lock)
        return asked

    def _update_record(self, made: Operation, asked: Asked, seen: Sequence[Mapping[str, Any]]) -> None:
        """Record the new parameters of a VM that needs no deployment, and restart its time to live.

        Without a time to live in the parameters, the VM keeps the one that it has, unless that was unset.
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
        """Tell whether the engine's backend has the VM's stack: another host may be making the VM."""
        from vmops.ops.reading import reading

        with reading(self.settings, self.store, target) as site:
            return site.stack.state() is not None
