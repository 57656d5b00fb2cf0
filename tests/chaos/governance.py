"""Locks and policies of a subscription's owners, put and removed."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.chaos.scene import Scene
from vmops.core.errors import CloudError
from vmops.local import inspection
from vmops.spec.names import OWNER_TAG, STACK_TAG

OURS_STRIPPED = "our-tags-stripped"
_LOCK = "providers/Microsoft.Authorization/locks/keep?api-version=2016-09-01"


@dataclass(frozen=True)
class Lock:
    """A management lock on a resource with a role for the VM, such as its group."""

    role: str
    level: str

    def put(self, scene: Scene) -> bool:
        """Put it; tell whether there is anything to lock."""
        if not _is_there(scene, scene.spec.ids().get(self.role, "")):
            return False
        scene.azure.put(self._path(scene), {"properties": {"level": self.level}})
        return True

    def take(self, scene: Scene) -> None:
        """Remove it."""
        with suppress(CloudError):  # it was deleted with its resource
            inspection.send(scene.state_dir, "DELETE", self._path(scene))

    def _path(self, scene: Scene) -> str:
        return f"{scene.spec.ids()[self.role]}/{_LOCK}"


@dataclass(frozen=True)
class Policy:
    """A policy that holds everywhere, by its ``policyRule``."""

    rule: dict[str, Any]

    def put(self, scene: Scene) -> bool:
        """Activate it, and no other."""
        inspection.ask(scene.state_dir, "PUT", "policies", [{"name": "governed", "policyRule": self.rule}])
        return True

    def take(self, scene: Scene) -> None:
        """Deactivate all policies."""
        inspection.ask(scene.state_dir, "PUT", "policies", [])


def _denies(kind: str) -> Policy:
    return Policy({"if": {"field": "type", "like": kind}, "then": {"effect": "deny"}})


def _strips(*tags: str) -> Policy:
    taken = [{"operation": "remove", "field": f"tags['{tag}']"} for tag in tags]
    there = {"field": f"tags['{tags[0]}']", "exists": "true"}
    return Policy({"if": there, "then": {"effect": "modify", "details": {"operations": taken}}})


LOCKS = {
    "group-locked": Lock("group", "CanNotDelete"),
    "group-read-only": Lock("group", "ReadOnly"),
    "vm-locked": Lock("vm", "CanNotDelete"),
    "vm-read-only": Lock("vm", "ReadOnly"),
    "nic-locked": Lock("nic", "CanNotDelete"),
    "address-locked": Lock("address", "CanNotDelete"),
}
POLICIES = {
    "writes-denied": _denies("*"),
    "vms-denied": _denies("Microsoft.Compute/virtualMachines"),
    "addresses-denied": _denies("Microsoft.Network/publicIPAddresses"),
    "tag-stripped": _strips("a"),
    OURS_STRIPPED: _strips(STACK_TAG, OWNER_TAG),
}


def _is_there(scene: Scene, arm_id: str) -> bool:
    return arm_id.lower() in map(str.lower, scene.azure.ids())
