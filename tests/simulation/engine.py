"""One run of the engine on one stack: the rules of Pulumi's engine, as far as a VM's stack needs them.

Steps run one after the other, in the order of dependencies. Source: Pulumi, how the engine works; rules and texts seen
with engine 3.274.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pulumi.automation import OpType

from tests.simulation.files import now
from tests.simulation.goals import STACK_TYPE, Goal, resolved
from tests.simulation.ledger import Entry, Ledger, annotated, difference
from tests.simulation.provider import HalfMade, Provider, Refused
from vmops.local.provider.translate import UNKNOWN

PROVIDER_TYPE = "pulumi:providers:azure-native"
_PROVIDERS_OWN = {"version": "3.29.0"}


class Stopped(Exception):
    """The engine was asked to end at once."""


def _as_before(news: Any, olds: Any, path: list[str]) -> Any:
    """Give inputs with the former value at a path, or without it. Source: Pulumi, resource option ignoreChanges."""
    name, *rest = path
    if rest:
        return {**news, name: _as_before(news.get(name) or {}, olds.get(name) or {}, rest)}
    others = {each: value for each, value in news.items() if each != name}
    return {**others, name: olds[name]} if name in olds else others


def _unheard(_urn: str) -> None:
    return


@dataclass(kw_only=True)
class Engine(Ledger):
    """One run on one stack; ``provider`` connects to a subscription, ``plans`` gets the plan of a preview."""

    provider: Callable[[str], Provider]
    plans: dict[str, Any] = field(default_factory=dict)
    _azure: Provider | None = None

    def up(self, goals: list[Goal], registered: Callable[[str], object] = _unheard) -> None:
        """Make the cloud match the goals; nothing is started after a failure. Raises: CommandError.

        ``registered`` is called with the URN of each completed resource.
        """
        for goal in goals:
            self._register(goal)
            self._go_on("update")
            registered(goal.urn)
        for urn in reversed(list(self.olds)):
            self._delete(urn, OpType.DELETE)
            self._go_on("update")
        self._save()

    def refresh(self) -> None:
        """Update the state from the provider, and remove resources that are gone. Raises: CommandError."""
        for urn, entry in list(self.olds.items()):
            if entry.get("provider"):
                self._read(urn, entry)
                self._go_on("refresh")
        self._prune()
        self._save()

    def destroy(self) -> None:
        """Delete everything, dependants first; after a failure independent resources are still deleted."""
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

    def _register(self, goal: Goal) -> None:
        old = self.olds.get(goal.urn)
        if goal.type in {STACK_TYPE, PROVIDER_TYPE}:
            return self._keep(goal, old)
        news = resolved(goal.inputs, self.told)
        for path in goal.ignore_changes if old else ():
            news = _as_before(news, (old or {}).get("inputs") or {}, path.split("."))
        try:
            inputs = self._checked(goal, news, old)
        except Refused as error:
            return self._refuse(goal.urn, OpType.CREATE, str(error))
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

    def _checked(self, goal: Goal, news: dict[str, Any], old: Entry | None) -> dict[str, Any]:
        """Fill in what the program left out, with secrets marked. Raises: Refused."""
        checked = self._client.check(goal.type, goal.name, (old or {}).get("inputs") or {}, news)
        return annotated(checked, news)  # type: ignore[no-any-return]

    def _match(self, goal: Goal, old: Entry, entry: Entry) -> None:
        """Keep a resource, update it, or replace it."""
        answer = self._client.diff(goal.type, old, entry["inputs"])
        paths = list(answer.detailedDiff)
        replaces = bool(answer.replaces) or any(_within(path, goal.replace_on_changes) for path in paths)
        if replaces:
            first = goal.delete_before_replace or answer.deleteBeforeReplace
            assert first, "the double knows only replacements that delete first"
            entry["inputs"] = self._checked(goal, resolved(goal.inputs, self.told), None)  # with every change
            self._replace(goal, old, entry, paths)
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

    def _replace(self, goal: Goal, old: Entry, entry: Entry, why: list[str]) -> None:
        """Delete, then create; in between the state has a pending replacement."""
        users = [urn for urn, other in self.olds.items() if goal.urn in (other.get("dependencies") or ())]
        assert not users, f"the double does not replace what others depend on: {users}, for {why}"
        if self.dry:
            self._event(OpType.REPLACE, goal.urn)
        elif not self._delete(goal.urn, OpType.DELETE_REPLACED):
            return
        held = {**old, "pendingReplacement": True}
        self.olds[goal.urn] = held
        self._save()
        self.olds.pop(goal.urn)
        self._create({name: entry[name] for name in entry if name not in {"id", "created"}}, OpType.CREATE_REPLACEMENT)
        if goal.urn not in self.done:
            self.olds[goal.urn] = held
            self._save()

    def _delete(self, urn: str, operation: OpType) -> bool:
        """Delete one resource, or only remove it from the state if it is retained.

        True if it is gone from the state.
        """
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
        """Register the stack itself or its provider."""
        inputs = {**goal.inputs, **_PROVIDERS_OWN} if goal.custom else {}
        made: Entry = {"urn": goal.urn, "custom": goal.custom, "type": goal.type, "created": now()}
        if goal.custom:
            made |= {"id": str(uuid4()), "parent": goal.parent}
        entry = {**made, **(old or {})} | ({"inputs": inputs, "outputs": inputs} if goal.custom else {})
        self._event(OpType.SAME if old else OpType.CREATE, goal.urn)
        self._finish(entry, OpType.SAME if old else OpType.CREATE)

    @property
    def _client(self) -> Provider:
        if self._azure is None:
            entries = {**self.olds, **self.done}.values()
            inputs = next(entry["inputs"] for entry in entries if entry["type"] == PROVIDER_TYPE)
            self._azure = self.provider(str(inputs["subscriptionId"]))
        return self._azure


def _within(path: str, roots: tuple[str, ...]) -> bool:
    """Tell whether a property is one of these, or below one. Source: Pulumi, ``replaceOnChanges``."""
    steps = re.findall(r"[^.\[\]]+", path)
    return any(steps[: len(root.split("."))] == root.split(".") for root in roots)
