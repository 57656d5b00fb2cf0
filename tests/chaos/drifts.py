"""Manual changes of our resources, each of which the next provision finds and repairs.

Each function tells whether there was anything to change.
"""

from collections.abc import Callable
from typing import Any

from tests.chaos.scene import Scene

_NETWORK_API, _COMPUTE_API = "?api-version=2024-05-01", "?api-version=2024-07-01"


def open_rule(scene: Scene) -> bool:
    """Open a rule of ours to the whole world."""
    return _change_rule(scene, {"destinationPortRange": "*", "sourceAddressPrefix": "*"})


def close_rule(scene: Scene) -> bool:
    """Deny what a rule of ours permits."""
    return _change_rule(scene, {"access": "Deny"})


def take_rule(scene: Scene) -> bool:
    """Delete a rule of ours."""
    path = _rule(scene)
    if scene.azure.get(path):
        scene.azure.delete(path)
        return True
    return False


def change_tag(scene: Scene) -> bool:
    """Change the value of a requested tag."""
    found = scene.vm()
    if not found or not scene.spec.tags:
        return False
    scene.azure.tag(scene.spec.vm_id, {**found["tags"], **dict.fromkeys(scene.spec.tags, "by hand")})
    return True


def detach(scene: Scene) -> bool:
    """Detach a data disk, which stays."""
    found = scene.vm()
    disks = found["properties"]["storageProfile"].get("dataDisks") if found else ()
    if not disks:
        return False
    change = {"dataDisksToDetach": [{"diskId": disks[0]["managedDisk"]["id"]}]}
    scene.azure.post(f"{scene.spec.vm_id}/attachDetachDataDisks{_COMPUTE_API}", change)
    return True


DRIFTS: dict[str, Callable[[Scene], bool]] = {
    "rule-opened-by-hand": open_rule,
    "rule-closed-by-hand": close_rule,
    "rule-deleted-by-hand": take_rule,
    "tag-changed-by-hand": change_tag,
    "disk-detached-by-hand": detach,
}


def _change_rule(scene: Scene, changes: dict[str, Any]) -> bool:
    path = _rule(scene)
    found = scene.azure.get(path)
    if not found:
        return False
    told = {name: value for name, value in found["properties"].items() if name != "provisioningState"}
    for name in changes:
        told.pop(f"{name}s", None)
        told.pop(f"{name}es", None)
    scene.azure.put(path, {"properties": told | changes})
    return True


def _rule(scene: Scene) -> str:
    port = next(iter(scene.spec.priorities()))
    return f"{scene.spec.ids()['security_group']}/securityRules/tcp-{port}{_NETWORK_API}"
