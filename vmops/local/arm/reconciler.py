"""The task that starts and ends guests as the machines need them, and updates the machines from their guests."""

import asyncio
import logging
import math
from contextlib import suppress

from vmops.local.arm.models import guests
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.guests.client import GuestsClient, NoGuests
from vmops.local.guests.protocol import Seen

_RETRY_INTERVAL = 0.5
"""Seconds between two attempts while the guests' process cannot be reached."""

_OFF = "guests are off: turn them on with `vmops local start --guests auto`"

_LOG = logging.getLogger(__name__)


class Reconciler:
    """The guests of a cloud.

    They are reconciled when an operation begins or is due, when faults are set, and when a guest has changed. No
    operation ever waits for a guest.
    """

    def __init__(self, cloud: Cloud, client: GuestsClient | None) -> None:
        self._cloud, self._client = cloud, client
        self._kind, self._reason = ("", "") if client else ("none", _OFF)
        self._seen: dict[str, Seen] = {}
        self._woken = asyncio.Event()
        if client:
            cloud.has_guests, cloud.notify, client.on_change = True, self._woken.set, self._woken.set

    async def run(self) -> None:
        """Reconcile until cancelled."""
        while self._client and self._kind != "none":
            self._woken.clear()
            try:
                await self._reconcile(self._client)
                pause = self._due()
            except NoGuests as none:
                self._none(str(none))
                return
            except OSError as refusal:
                _LOG.warning("the guests do not answer: %s", refusal)
                pause = _RETRY_INTERVAL
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

    async def describe(self) -> Json:
        """Describe the guests, or why there are none."""
        if self._client and not self._kind:
            try:
                await self._client.connect()
                self._kind = "namespaces"
            except NoGuests as none:
                self._none(str(none))
            except OSError as refusal:
                return {"kind": "none", "reason": f"they do not answer now: {refusal}", "guests": []}
        shown = [] if self._kind == "none" else [self._shown(each) for each in guests.machines(self._cloud)]
        return {"kind": self._kind, "reason": self._reason, "guests": shown}

    def log(self, vm_id: str) -> str:
        """Give a guest's console output."""
        return self._client.log(vm_id) if self._client else ""

    def disconnect(self) -> None:
        """Disconnect from the guests' process, and leave the guests running."""
        if self._client:
            self._client.disconnect()

    async def _reconcile(self, client: GuestsClient) -> None:
        self._cloud.apply_due()
        wanted = guests.wanted(self._cloud)
        if not wanted and not client.is_needed:
            return
        seen = await client.sync(wanted)
        self._kind = "namespaces"
        self._seen = {each.vm_id: each for each in seen}
        with self._cloud.store.transaction():
            guests.learn(self._cloud, seen)

    def _due(self) -> float | None:
        """Give the seconds until an operation is due; None if none is."""
        following = self._cloud.store.next_due(math.inf)
        if following is None or following.due == math.inf:
            return None
        return max(0.0, following.due - self._cloud.now())

    def _none(self, reason: str) -> None:
        self._kind, self._reason = "none", reason

    def _shown(self, machine: Resource) -> Json:
        vm_id = machine.properties["vmId"]
        seen = self._seen.get(vm_id) or Seen(vm_id, 0, "booting" if machine.hidden["power"] == "running" else "down")
        return {
            "id": str(machine.id),
            "vmId": vm_id,
            "name": machine.id.name,
            "state": seen.state,
            "ready": seen.ready,
            "host": "127.0.0.1",
            "port": seen.port or guests.port_of(self._cloud, machine),
            "user": guests.log_in_as(machine),
            "hostKey": seen.host_key,
            "why": seen.why,
        }
