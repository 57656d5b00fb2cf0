"""Virtual machines: from creation to deletion."""

from vmops.local.arm.models import guests
from vmops.local.arm.models.compute import machine_disks, power
from vmops.local.arm.models.compute.capacity import give_back, settle_room, take_room
from vmops.local.arm.models.compute.data_disks import ATTACH_DETACH, rearranged
from vmops.local.arm.models.compute.disk_speed import require_bearable
from vmops.local.arm.models.compute.instance_view import instance_view
from vmops.local.arm.models.compute.machine_interfaces import attached, follow, release, require_interfaces, reserve
from vmops.local.arm.models.compute.machine_profile import declare
from vmops.local.arm.models.compute.machine_update import updated
from vmops.local.arm.models.compute.protection import require_guardable, require_near, require_off
from vmops.local.arm.models.compute.quota import require_cores
from vmops.local.arm.models.compute.size_fit import choose_controller, require_fit, require_resizable
from vmops.local.arm.models.kind import Change, Kind, require_open
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_BOOTING = frozenset({"start", "restart", "redeploy"})


class Machines(Kind):
    """The rules of virtual machines."""

    type = "Microsoft.Compute/virtualMachines"

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create a machine or change one; one whose creation failed is created again."""
        rid, existing, location = self.admit(cloud, rid, request)
        if existing:
            _require_free(cloud, existing, "createOrUpdate")
        if existing and "made" in existing.hidden:
            machine = updated(cloud, existing, request, whole=True)
            return _update(cloud, machine, existing)
        machine = declare(cloud, rid, request, location)
        choose_controller(machine)
        require_fit(machine)
        require_guardable(machine)
        require_near(cloud, machine)
        machine.properties["timeCreated"] = timestamp(cloud.now())
        if existing:
            machine.properties["vmId"] = existing.properties["vmId"]
            machine.hidden |= {key: existing.hidden[key] for key in ("disks", "place") if key in existing.hidden}
        require_cores(cloud, machine, existing)
        return _write(cloud, machine, "put", created=existing is None)

    def patch(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Change a machine; a request that changes nothing is done at once."""
        existing = self.get(cloud, rid)
        require_open(cloud, rid)
        _require_free(cloud, existing, "update")
        machine = updated(cloud, existing, request, whole=False)
        if (machine.body, machine.hidden) == (existing.body, existing.hidden):
            return Change(existing)
        return _update(cloud, machine, existing)

    def expanded(self, machine: Resource, expand: str) -> Json:
        """Show a machine with the requested additions: its instance view, its user data."""
        more: Json = {}
        if "instanceview" in expand.lower():
            more["instanceView"] = instance_view(machine)
        if "userdata" in expand.lower() and "userData" in machine.hidden:
            more["userData"] = machine.hidden["userData"]
        return machine.body | {"properties": machine.properties | more}

    def status(self, machine: Resource) -> Json:
        """Show the state of a machine, without its requested properties and its tags.

        Source: azure-rest-api-specs, VirtualMachines_ListAll with ``statusOnly``; clients that read the states from it
        take all else from another list.
        """
        shown = {name: machine.properties[name] for name in ("vmId", "provisioningState")}
        heading = {name: machine.body[name] for name in ("name", "id", "type", "location")}
        return heading | {"properties": shown | {"instanceView": instance_view(machine)}}

    def act(self, cloud: Cloud, rid: ResourceId, verb: str, *, force: bool = False) -> Operation:
        """Begin a verb of ``power.TRANSITIONS``; ``force`` ends running processes without asking them."""
        machine = self.get(cloud, rid)
        require_open(cloud, rid)
        _require_free(cloud, machine, verb)
        if verb == "deallocate" and machine.properties["storageProfile"]["osDisk"].get("diffDiskSettings"):
            raise ArmError("OperationNotAllowed:ephemeral", verb=verb, vm=machine.id.name)
        before = machine.hidden["power"]
        power.begin_transition(machine, verb)
        failure = take_room(cloud, machine) if verb == "start" else None
        if failure:
            machine.hidden["bound"] = before
        elif verb in _BOOTING and (before, verb) != ("running", "start"):
            guests.boot(machine, force=force)
        else:
            guests.stop(machine, force=force)
        machine.state = "Updating"
        cloud.store.save(machine)
        return cloud.begin(verb, machine, error=failure)

    def rearrange(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Begin to attach and detach data disks."""
        existing = self.get(cloud, rid)
        require_open(cloud, rid)
        _require_free(cloud, existing, ATTACH_DETACH)
        disks = {"storageProfile": {"dataDisks": rearranged(existing, request)}}
        machine = updated(cloud, existing, {"properties": disks}, whole=False)
        return _write(cloud, machine, ATTACH_DETACH, created=False)

    def refuse_hibernation(self, cloud: Cloud, rid: ResourceId) -> None:
        """Refuse to hibernate: no machine here has that capability."""
        raise ArmError("OperationNotAllowed:hibernate", vm=self.get(cloud, rid).id.name)

    def generalize(self, cloud: Cloud, rid: ResourceId) -> None:
        """Mark a stopped machine as generalized, for images; it can never start again."""
        machine = self.get(cloud, rid)
        require_open(cloud, rid)
        _require_free(cloud, machine, "generalize")
        if machine.hidden["power"] not in ("stopped", "deallocated"):
            raise ArmError("OperationNotAllowed:running", verb="generalize", vm=machine.id.name)
        machine.hidden["generalized"] = True
        cloud.store.save(machine)

    def simulate_eviction(self, cloud: Cloud, rid: ResourceId) -> None:
        """Evict a Spot machine, after Azure's notice of 30 seconds."""
        machine = self.get(cloud, rid)
        if machine.properties.get("priority") != "Spot":
            raise ArmError("OperationNotAllowed:spot", verb="simulateEviction", vm=machine.id.name)
        self.act(cloud, rid, "evict")

    def delete(self, cloud: Cloud, rid: ResourceId) -> Operation | None:
        """Begin to delete a machine in any state; a second request joins the first deletion."""
        require_open(cloud, rid)
        machine = self.find(cloud, rid)
        running = cloud.store.running(rid)
        if running and running.verb.startswith("delete"):
            return running
        if running:
            cloud.preempt(running)
            machine = self.find(cloud, rid)
        if machine is None:
            return None
        verb = "deleteDeallocated" if machine.hidden["power"] == "deallocated" else "delete"
        machine.state = "Deleting"
        cloud.store.save(machine)
        return cloud.begin(verb, machine)

    def finish(self, cloud: Cloud, operation: Operation) -> None:
        """Apply the effect of a verb."""
        machine = self.get(cloud, operation.target)
        evicted = operation.verb == "evict" and machine.properties["evictionPolicy"] == "Delete"
        if evicted or operation.verb.startswith("delete"):
            self.remove(cloud, machine)
            return
        if operation.verb == "put":
            machine.hidden["bound"] = "running"
        power.finish_transition(machine)
        settle_room(cloud, machine)
        machine_disks.show(cloud, machine)
        machine.state, machine.hidden["since"] = "Succeeded", operation.due
        if machine.hidden["power"] == "running":
            machine.hidden.setdefault("made", operation.due)
        if operation.verb == "put":
            guests.boot(machine)
        if machine.hidden["power"] == "deallocated":
            guests.leave_hardware(machine)
        machine.hidden.pop("failure", None)
        cloud.store.save(machine)
        follow(cloud, machine)

    def fail(self, cloud: Cloud, operation: Operation) -> None:
        """Mark a machine as Failed; if it was being created, its interfaces are reserved for a while."""
        machine = self.get(cloud, operation.target)
        power.finish_transition(machine)
        settle_room(cloud, machine)
        machine.state, machine.hidden["since"] = "Failed", operation.ended
        machine.hidden["failure"] = operation.error
        cloud.store.save(machine)
        if operation.verb == "put":
            reserve(cloud, machine)

    def remove(self, cloud: Cloud, resource: Resource) -> None:
        """Remove a machine, with the disks and interfaces that are to be deleted with it."""
        give_back(cloud, resource)
        cloud.store.remove(resource.id)
        machine_disks.leave(cloud, resource)
        release(cloud, resource)


def _update(cloud: Cloud, machine: Resource, existing: Resource) -> Change:
    """Begin to change a machine; a running one is restarted for another size. Source: Microsoft, resize a VM."""
    _require_change(cloud, machine, existing)
    sizes = {each.properties["hardwareProfile"]["vmSize"].lower() for each in (machine, existing)}
    if len(sizes) > 1 and machine.hidden["power"] == "running":
        guests.boot(machine)
    return _write(cloud, machine, "update", created=False)


def _require_change(cloud: Cloud, machine: Resource, existing: Resource) -> None:
    """Refuse a change that the machine's size does not support, or to a size that is not available."""
    require_fit(machine)
    require_off(existing, machine)
    require_resizable(existing, machine)
    require_cores(cloud, machine, existing)


def _write(cloud: Cloud, machine: Resource, verb: str, *, created: bool) -> Change:
    """Attach interfaces and disks to a machine, and begin the operation; it fails if a disk's name is taken."""
    require_interfaces(cloud, machine)
    require_bearable(cloud, machine)
    needs_room = verb == "put" or machine.hidden["power"] not in (None, "deallocated")
    failure = machine_disks.provide(cloud, machine) or (take_room(cloud, machine) if needs_room else None)
    machine.state = "Creating" if verb == "put" else "Updating"
    cloud.store.save(machine)
    uses = [*(interface.id for interface in attached(cloud, machine)), *machine_disks.attached(machine)]
    cloud.store.refer(machine.id, [(rid, str(machine.id)) for rid in uses])
    return Change(machine, created, cloud.begin(verb, machine, error=failure))


def _require_free(cloud: Cloud, machine: Resource, verb: str) -> None:
    """Refuse a second write while one is under way."""
    running = cloud.store.running(machine.id)
    if running is None:
        return
    if running.verb.startswith("delete"):
        raise ArmError("OperationNotAllowed:deletion", verb=verb, vm=machine.id.name)
    if verb in power.TRANSITIONS and running.verb in power.TRANSITIONS:
        raise ArmError("OperationNotAllowed:power", verb=verb, vm=machine.id.name, state=machine.hidden["bound"])
    raise ArmError("Conflict:concurrent")
