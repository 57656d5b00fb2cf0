"""The context of a moment: a verb on a scene, and what can be observed of it."""

import json
from dataclasses import dataclass
from typing import Any

from tests.chaos.freeze import Freeze
from tests.chaos.scene import Scene
from vmops.jobs.operation import Operation

WRITES = {"provision": "PUT", "deprovision": "DELETE", "start": "POST", "stop": "POST", "restart": "POST"}
"""The methods with which each verb changes Azure."""

ALL = 10_000
"""More calls than one deployment has."""


@dataclass(frozen=True)
class Place:
    """The context of a moment: a verb on a scene, from just before its call."""

    scene: Scene
    verb: str
    freeze: Freeze
    patient: bool
    """Whether a lost answer is a gateway timeout, instead of a closed connection."""
    before: Operation | None
    todo: frozenset[str]
    """The ids of the resources that the verb still has to write or delete."""

    def fresh(self) -> Operation | None:
        """Give the record of the call, None before there is one."""
        now = self.scene.store.latest(self.scene.stack)
        return None if now is None or (self.before and self.before.id == now.id) else now

    def write(self, number: int, **effect: Any) -> dict[str, Any]:
        """Give the rule that strikes the n-th write."""
        return {"method": WRITES[self.verb], "nth": number, "effect": effect}

    def writes(self, first: int) -> dict[str, Any]:
        """Give the rule that delays the n-th write and all later ones."""
        return {**self.write(first, do="delay"), "times": ALL}

    def logged(self, event: str) -> bool:
        """Tell whether the worker's log has an event."""
        now = self.fresh()
        path = self.scene.state_dir / "logs" / self.scene.stack / f"{now.id if now else ''}.jsonl"
        return path.exists() and f'"event": "{event}"' in path.read_text()


def known(scene: Scene) -> set[str]:
    """Give the ids of the resources in the engine's state."""
    try:
        entries = json.loads(scene.state_file.read_bytes())["checkpoint"]["latest"]["resources"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {entry["id"].lower() for entry in entries if entry["type"].startswith("azure-native:") and entry.get("id")}


def todo(scene: Scene, verb: str) -> frozenset[str]:
    """Give the ids that the engine has to write or delete in a deployment, whether they exist or not."""
    written = scene.written()
    if verb == "deprovision":
        return frozenset(known(scene) & written - {scene.spec.group_id.lower()})
    return frozenset(written - scene.ours() if verb == "provision" else {scene.spec.vm_id.lower()})
