"""One run of the engine on one stack: the rules of Pulumi's engine, as far as a VM's stack meets them.

What it does is written before and after: the state names what is under way, so that a death in between is seen.
Everything is done in the order of the dependencies, one after the other.

Source: Pulumi, how the engine works; rules and texts seen with engine 3.258.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pulumi.automation import EngineEvent, OpType

from tests.double.files import Files, now, refused
from tests.double.goals import SIGNATURE, STACK_TYPE, Goal, resolved
from tests.double.provider import HalfMade, Provider, Refused
from vmops.local.provider.translate import UNKNOWN

PROVIDER_TYPE = "pulumi:providers:azure-native"
_PROVIDERS_OWN = {"version": "3.29.0"}

Entry = dict[str, Any]


class Stopped(Exception):
    """The engine was told to end at once."""


@dataclass
class Engine:
    """One run: the entries that are ``done``, in order, and those of before that it has not come to, by URN."""

    files: Files
    provider: Callable[[str], Provider]
    tell: Callable[[EngineEvent], object]
    canceled: Callable[[], bool]
    dry: bool = False
    done: dict[str, Entry] = field(default_factory=dict)
    olds: dict[str, Entry] = field(default_factory=dict)
    pending: list[dict[str, Any]] = field(default_factory=list)
    plans: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    _azure: Provider | None = None

    def __post_init__(self) -> None:
        latest = self.files.read()
        self.olds = {entry["urn"]: entry for entry in latest.get("resources") or ()}
        self.pending = [each for each in latest.get("pending_operations") or () if each["type"] == "creating"]

    def up(self, goals: list[Goal]) -> None:
        """Make the cloud match the goals; after a failure nothing more is begun. Raises: CommandError."""
        for goal in goals:
            self._register(goal)
            self._go_on("update")
        for urn in reversed(list(self.olds)):
            self._delete(urn, OpType.DELETE)
            self._go_on("update")
        self._save()

    def refresh(self) -> None:
        """Take from the provider what it reads, and forget what is gone. Raises: CommandError."""
        for urn, entry in list(self.olds.items()):
            if entry.get("provider"):
                self._read(urn, entry)
                self._go_on("refresh")
        self._prune()
        self._save()

    def destroy(self) -> None:
        """Delete everything, users first, going on after a failure with what does not depend on it."""
        kept = set[str]()
        for urn, entry in reversed(list(self.olds.items())):
            if urn not in kept and not self._delete(urn, OpType.DELETE):
                kept.add(urn)
            if urn in kept:
                needs = [entry.get("parent", ""), (entry.get("provider") or "").rpartition("::")[0]]
                kept.update(entry.get("dependencies") or (), needs)
            if self.canceled():
                break
        if self.failed or self.canceled():
            self._go_on("destroy")
        self._save()

    # one resource

    def _register(self, goal: Goal) -> None:
        old = self.olds.get(goal.urn)
        if goal.type in {STACK_TYPE, PROVIDER_TYPE}:
            return self._keep(goal, old)
        news = resolved(goal.inputs, self.told)
        for name in goal.ignore_changes:
            if old and name in (old.get("inputs") or {}):
                news[name] = old["inputs"][name]
        try:
            checked = self._client.check(goal.type, goal.name, (old or {}).get("inputs") or {}, news)
        except Refused as error:
            return self._refuse(goal.urn, OpType.CREATE, str(error))
        inputs = annotated(checked, news)
        self.plans[goal.urn] = {"goal": {"inputDiff": difference((old or {}).get("inputs") or {}, inputs)}}
        entry = self._entry(goal, inputs, old)
        if old is None:
            self._create(entry, OpType.CREATE)
        elif old.get("pendingReplacement"):
            self.olds.pop(goal.urn)
            self._create(entry, OpType.CREATE_REPLACEMENT)
        else:
            self._match(goal, old, entry)
        return None

    def _match(self, goal: Goal, old: Entry, entry: Entry) -> None:
        """Leave a resource, update it, or replace it."""
        answer = self._client.diff(goal.type, old, entry["inputs"])
        paths = list(answer.detailedDiff)
        replaces = bool(answer.replaces) or any(_within(path, goal.replace_on_changes) for path in paths)
        if replaces:
            first = goal.delete_before_replace or answer.deleteBeforeReplace
            assert first, "the double knows only replacements that delete first"
            self._replace(goal, old, entry)
        elif paths or old.get("initErrors"):
            self._update(old, entry)
        else:
            self._finish({**entry, "id": old["id"], "outputs": old.get("outputs") or {}})

    def _create(self, entry: Entry, operation: OpType) -> None:
        self._begin(entry, operation, "creating")
        if self.dry:
            outputs = {**dict.fromkeys(("name", "ipAddress"), UNKNOWN), **entry["inputs"]}
            return self._finish({**entry, "id": "", "outputs": outputs}, operation)
        entry = {**entry, "created": now()}
        try:
            arm_id, outputs = self._client.create(entry["type"], entry["inputs"])
        except HalfMade as half:
            self._half(entry, operation, half)
        except Refused as error:
            self._refuse(entry["urn"], operation, str(error))
        else:
            self._finish({**entry, "id": arm_id, "outputs": annotated(outputs, entry["inputs"])}, operation)
        return None

    def _update(self, old: Entry, entry: Entry) -> None:
        self._begin(old, OpType.UPDATE, "updating")
        if self.dry:
            return self._finish({**entry, "outputs": {**(old.get("outputs") or {}), **entry["inputs"]}}, OpType.UPDATE)
        try:
            outputs = self._client.update(entry["type"], old, entry["inputs"])
        except HalfMade as half:
            self._half(entry, OpType.UPDATE, half)
        except Refused as error:
            self._refuse(entry["urn"], OpType.UPDATE, str(error))
        else:
            self._finish({**entry, "outputs": annotated(outputs, entry["inputs"])}, OpType.UPDATE)
        return None

    def _replace(self, goal: Goal, old: Entry, entry: Entry) -> None:
        """Delete, then create; in between the state says that this is under way."""
        users = [urn for urn, other in self.olds.items() if goal.urn in (other.get("dependencies") or ())]
        assert not users, f"the double does not replace what others depend on: {users}"
        if self.dry:
            self._event(OpType.REPLACE, goal.urn)
        elif not self._delete(goal.urn, OpType.DELETE_REPLACED):
            return
        self.olds.pop(goal.urn, None)
        self.olds[goal.urn] = {**old, "pendingReplacement": True}
        self._save()
        fresh = {name: value for name, value in entry.items() if name not in {"id", "created"}}
        self.olds.pop(goal.urn)
        self._held = {**old, "pendingReplacement": True}
        self._create(fresh, OpType.CREATE_REPLACEMENT)
        if goal.urn not in self.done:
            self.olds[goal.urn] = self._held
            self._save()

    def _delete(self, urn: str, operation: OpType) -> bool:
        """Delete one resource, or only forget it if it is retained; tell whether it is gone from the state."""
        entry = self.olds[urn]
        calls = entry.get("provider") and not entry.get("retainOnDelete") and not entry.get("pendingReplacement")
        if self.dry or not calls:
            self._event(operation, urn)
            self.olds.pop(urn)
            self._save()
            self._event(operation, urn, over=True)
            return True
        self._begin(entry, operation, "deleting")
        try:
            self._client.delete(entry)
        except Refused as error:
            self._refuse(urn, operation, str(error))
            return False
        self._drop_pending(urn)
        self.olds.pop(urn)
        self._save()
        self._event(operation, urn, over=True)
        return True

    def _read(self, urn: str, entry: Entry) -> None:
        self._event(OpType.REFRESH, urn)
        try:
            found = self._client.read(entry)
        except Refused as error:
            return self._refuse(urn, OpType.REFRESH, str(error))
        if found is None:
            self.olds.pop(urn)
        else:
            inputs = annotated(found[0], entry.get("inputs") or {})
            fresh = {**entry, "inputs": inputs, "outputs": annotated(found[1], inputs), "modified": now()}
            fresh.pop("initErrors", None)
            self.olds[urn] = fresh
        self._event(OpType.REFRESH, urn, over=True)
        return None

    def _keep(self, goal: Goal, old: Entry | None) -> None:
        """Take over, or begin, the stack itself or its provider."""
        inputs = {**goal.inputs, **_PROVIDERS_OWN} if goal.custom else {}
        made: Entry = {"urn": goal.urn, "custom": goal.custom, "type": goal.type, "created": now()}
        if goal.custom:
            made |= {"id": str(uuid4()), "parent": goal.parent}
        entry = {**made, **(old or {})} | ({"inputs": inputs, "outputs": inputs} if goal.custom else {})
        self._event(OpType.SAME if old else OpType.CREATE, goal.urn)
        self._finish(entry, OpType.SAME if old else OpType.CREATE)

    # the state

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
        """Say what a mark stands for: an id, or what lies at a path of the outputs."""
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
        """Keep what exists and is not ready, and fail."""
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
        """Forget that anything depends on what is gone."""
        for entry in self.olds.values():
            if "dependencies" in entry:
                entry["dependencies"] = [urn for urn in entry["dependencies"] if urn in self.olds]

    def _save(self) -> None:
        if not self.dry:
            self.files.write([*self.done.values(), *self.olds.values()], self.pending)

    def _go_on(self, verb: str) -> None:
        """Go on, unless something failed or the engine is to end. Raises: CommandError."""
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

    @property
    def _client(self) -> Provider:
        if self._azure is None:
            entries = {**self.olds, **self.done}.values()
            inputs = next(entry["inputs"] for entry in entries if entry["type"] == PROVIDER_TYPE)
            self._azure = self.provider(str(inputs["subscriptionId"]))
        return self._azure


def _diagnosed(urn: str, message: str) -> EngineEvent:
    told = {"urn": urn, "message": message, "color": "never", "severity": "error"}
    return EngineEvent.from_json({"sequence": 0, "timestamp": 0, "diagnosticEvent": told})


def annotated(plain: Any, like: Any) -> Any:
    """Mark again as secret what is so in ``like``: the provider keeps no secrets.

    Source: Pulumi, how providers without support for secrets are called.
    """
    if isinstance(like, Mapping) and SIGNATURE in like:
        return like
    if isinstance(plain, dict) and isinstance(like, Mapping):
        return {name: annotated(part, like.get(name)) for name, part in plain.items()}
    return plain


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Tell how inputs differ, as a plan does. Source: Pulumi, update plans."""
    adds = {name: value for name, value in new.items() if name not in old}
    updates = {name: value for name, value in new.items() if name in old and old[name] != value}
    deletes = [name for name in old if name not in new]
    return {name: part for name, part in (("adds", adds), ("updates", updates), ("deletes", deletes)) if part}


def _within(path: str, roots: tuple[str, ...]) -> bool:
    """Tell whether a property is one of these, or lies below one. Source: Pulumi, ``replaceOnChanges``."""
    steps = re.findall(r"[^.\[\]]+", path)
    return any(steps[: len(root.split("."))] == root.split(".") for root in roots)
