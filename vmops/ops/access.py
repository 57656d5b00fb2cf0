"""Logging in to VMs: the address and login, the configuration of OpenSSH, and waiting until SSH answers."""

from typing import TYPE_CHECKING

from vmops.core.errors import OperationFailed
from vmops.jobs.operation import Operation, Verb
from vmops.ops.results import waited
from vmops.ops.selection import selects
from vmops.ops.standing import GONE, by_record
from vmops.ops.upkeep import Upkeep
from vmops.protocol import Answer, Params
from vmops.spec.target import Target

if TYPE_CHECKING:
    from vmops.ops.conditions import Condition
    from vmops.ops.entrance import Entrance
    from vmops.ssh.hosts import Host, Hosts
    from vmops.ssh.way_in import WayIn


class Access(Upkeep):
    """Logging in to VMs; nothing here changes a VM."""

    def way_in(self, params: Params) -> "WayIn":
        """Give the address and login of a VM once its SSH answers; wait for that at most ``pollTimeout`` seconds.

        Raises: OperationFailed (not_found) if there is no such VM, (conflict) if it is stopped, (invalid) if nothing
        runs inside it, (timeout) if its SSH does not answer; CloudError if ARM refuses.
        """
        return self._entrance(self._target(params)).open()

    def ssh_host(self, params: Params) -> "Host":
        """Write the OpenSSH configuration of a VM once its SSH answers. Raises: as `way_in`; StoreError."""
        way = self.way_in(params)
        return self._known_hosts().write(way)

    def ssh_hosts(self, which: Params | None = None) -> "list[Host]":
        """Write the OpenSSH configuration of each existing VM that the parameters select and this host has a record of.

        Raises: StoreError; CloudError if ARM refuses.
        """
        selected = [each for each in self._store.latest_of_each() if selects(which or {}, each.identity)]
        found = [self._seen(each) for each in selected if by_record(each) != GONE]
        hosts = self._known_hosts()
        return [hosts.write(way) for way in sorted(filter(None, found), key=lambda way: (way.vm_name, way.stack))]

    def wait_for(self, condition: "Condition", params: Params) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for a VM to be running, to answer by SSH, or to be stopped.

        SUCCEEDED, with its state in Azure and the address of its SSH. FAILED if it does not exist and nobody is making
        it, or if it can never reach that state. TIMED_OUT, or PENDING if ``pollTimeout`` is 0.
        """
        from vmops.ops.conditions import Awaited

        def wait(target: Target) -> Answer:
            look = Awaited(self._entrance(target), condition, lambda: self._being_made(target))
            return waited(self._store, target, look)

        return self._answer(params, wait)

    def _seen(self, record: Operation) -> "WayIn | None":
        """Look up a VM; None if nobody can log in: it does not exist, or nothing runs inside it."""
        entrance = self._entrance(self._target(record.identity.params))
        try:
            return entrance.find(stopped=True)
        except OperationFailed:
            return None

    def _known_hosts(self) -> "Hosts":
        """Give the written OpenSSH configuration, without the VMs that are gone."""
        from vmops.ssh.hosts import Hosts

        hosts = Hosts(self.settings.state_dir)
        hosts.forget([each.stack for each in self._store.latest_of_each() if by_record(each) == GONE])
        return hosts

    def _being_made(self, target: Target) -> bool:
        found = self._store.in_flight(target.stack, Verb.PROVISION)
        return found is not None and not self._deployments.refreshed(found).over

    def _entrance(self, target: Target) -> "Entrance":
        from vmops.ops.entrance import Entrance

        return Entrance(self.settings, self._store, self._arm, target)
