"""What one run of the engine knows of a stack, and writes down: before each thing that it does, and after.

So a death in between is seen: the state names what is under way.
Source: Pulumi, how the engine works; rules and texts seen with engine 3.274.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, OpType

from tests.simulation.files import Files, now, refused
from tests.simulation.goals import SIGNATURE, Goal, resolved
from tests.simulation.provider import HalfMade
from vmops.local.provider.translate import UNKNOWN

Entry = dict[str, Any]


@dataclass(kw_only=True)
class Ledger:
    """The entries that are ``done``, in order, and those of before that the run has not come to, by URN."""

    files: Files
    tell: Callable[[EngineEvent], object]
    canceled: Callable[[], bool]
    dry: bool = False
    done: dict[str, Entry] = field(default_factory=dict)
    olds: dict[str, Entry] = field(default_factory=dict)
    pending: list[dict[str, Any]] = field(default_factory=list)
    failed: bool = False

    def __post_init__(self) -> None:
        latest = self.files.read()
        self.olds = {entry["urn"]: entry for entry in latest.get("resources") or ()}
        self.pending = [each for each in latest.get("pending_operations") or () if each["type"] == "creating"]

    def _entry(self, goal: Goal, inputs: Entry, old: Entry | None) -> Entry:
        entry: Entry = {
            "urn": goal.urn,
            "custom": True,
            "type": goal.type,
            "inputs": inputs,
            "parent": goal.parent,
            "dependencies": list(goal.dependencies),
            "provider": resolved(goal.provider, self.told),
            "propertyDependencies": dict(goal.property_dependencies),
            "modified": now(),
        }
        options = {
            "retainOnDelete": goal.retain_on_delete,
            "ignoreChanges": list(goal.ignore_changes),
            "replaceOnChanges": list(goal.replace_on_changes),
        }
        entry |= {name: value for name, value in options.items() if value}
        return entry | ({name: old[name] for name in ("id", "created") if name in old} if old else {})

    def told(self, urn: str, path: str) -> Any:
        """Give the value of a mark: an id, or the value at a path of the outputs."""
        entry = self.done.get(urn) or {}
        if not path:
            return entry.get("id") or UNKNOWN
        value: Any = entry.get("outputs") or {}
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value.get(step)
            if value is None:
                return None
        return value

    def _begin(self, entry: Entry, operation: OpType, kind: str) -> None:
        self._event(operation, entry["urn"])
        if self.dry:
            return
        self.pending.append({"resource": dict(entry), "type": kind})
        self._save()

    def _finish(self, entry: Entry, operation: OpType = OpType.SAME) -> None:
        self._drop_pending(entry["urn"])
        self.olds.pop(entry["urn"], None)
        self.done[entry["urn"]] = entry
        self._save()
        if operation is not OpType.SAME:
            self._event(operation, entry["urn"], over=True)

    def _half(self, entry: Entry, operation: OpType, half: HalfMade) -> None:
        """Record a resource that exists but is not ready, and fail."""
        outputs = annotated(half.outputs, entry["inputs"])
        self._finish({**entry, "id": half.id, "outputs": outputs, "initErrors": [half.reason]})
        self._refuse(entry["urn"], operation, half.reason)

    def _refuse(self, urn: str, operation: OpType, reason: str) -> None:
        self.failed = True
        self._drop_pending(urn)
        self._save()
        self.tell(_diagnosed(urn, reason))
        self._event(operation, urn, failed=True)

    def _drop_pending(self, urn: str) -> None:
        self.pending = [each for each in self.pending if each["resource"]["urn"] != urn]

    def _prune(self) -> None:
        """Remove dependencies on a deleted resource, also of properties. Seen with engine 3.274."""
        for entry in self.olds.values():
            if "dependencies" in entry:
                entry["dependencies"] = [urn for urn in entry["dependencies"] if urn in self.olds]
            for name, urns in (entry.get("propertyDependencies") or {}).items():
                entry["propertyDependencies"][name] = [urn for urn in urns if urn in self.olds]

    def _save(self) -> None:
        if not self.dry:
            self.files.write([*self.done.values(), *self.olds.values()], self.pending)

    def _go_on(self, verb: str) -> None:
        """Raise CommandError if something failed or the engine is to end."""
        if not self.failed and not self.canceled():
            return
        self._save()
        if self.failed and not self.canceled():
            self.tell(_diagnosed("", f"{verb} failed"))
        raise refused(f"error: {verb} {'canceled' if self.canceled() else 'failed'}\n")

    def _event(self, operation: OpType, urn: str, *, over: bool = False, failed: bool = False) -> None:
        kind = "resOpFailedEvent" if failed else "resOutputsEvent" if over else "resourcePreEvent"
        metadata = {"op": operation.value, "urn": urn, "type": urn.split("::")[2], "provider": ""}
        self.tell(EngineEvent.from_json({"sequence": 0, "timestamp": 0, kind: {"metadata": metadata}}))


def _diagnosed(urn: str, message: str) -> EngineEvent:
    told = {"urn": urn, "message": message, "color": "never", "severity": "error"}
    return EngineEvent.from_json({"sequence": 0, "timestamp": 0, "diagnosticEvent": told})


def annotated(plain: Any, like: Any) -> Any:
    """Mark the secrets of ``like`` again: the provider does not preserve them.

    Source: Pulumi, how providers without support for secrets are called.
    """
    if isinstance(like, Mapping) and SIGNATURE in like:
        return like
    if isinstance(plain, dict) and isinstance(like, Mapping):
        return {name: annotated(part, like.get(name)) for name, part in plain.items()}
    return plain


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """List the differences of inputs, as a plan does. Source: Pulumi, update plans."""
    adds = {name: value for name, value in new.items() if name not in old}
    updates = {name: value for name, value in new.items() if name in old and old[name] != value}
    deletes = [name for name in old if name not in new]
    return {name: part for name, part in (("adds", adds), ("updates", updates), ("deletes", deletes)) if part}
