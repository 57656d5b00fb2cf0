"""The active rules: stored with the cloud, so that they survive its process."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from vmops.local.arm.faults.effects import Effect, InGuest
from vmops.local.arm.faults.observed import ObservedCall
from vmops.local.arm.faults.rule import Rule
from vmops.local.arm.state.cloud import Cloud

_KIND = "fault"


class Rules:
    """The rules of a cloud, in order, and how many calls each has matched; true if there are any."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._documents = cloud.store.documents
        self._delays: dict[asyncio.Event, str] = {}

    def __bool__(self) -> bool:
        return bool(self._documents.of_kind(_KIND))

    def plain(self) -> list[dict[str, object]]:
        """Give the rules as JSON."""
        return [Rule.model_validate(document["rule"]).plain() for _, document in self._documents.of_kind(_KIND)]

    def replace(self, rules: Sequence[Rule]) -> None:
        """Replace the rules. Calls that the former ones delay continue; without any rules, stuck operations end."""
        with self._cloud.store.transaction():
            self._documents.replace(_KIND, ({"rule": rule.plain(), "seen": 0} for rule in rules))
            if not rules:
                self._cloud.store.free_stuck(self._cloud.now())
        for over in self._delays:
            over.set()
        self._cloud.notify()

    async def delay(self, call: str, seconds: float | None) -> None:
        """Delay a call for ``seconds``, at most until the rules are replaced; with None, until then."""
        over = asyncio.Event()
        self._delays[over] = call
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), seconds)
        finally:
            del self._delays[over]

    def delayed(self) -> list[str]:
        """Give the delayed calls, as METHOD and path."""
        return list(self._delays.values())

    def of_guest(self, machine: str) -> tuple[str, int]:
        """Give the first fault in force inside the machine of that id: its name, and its count or its number of bytes.

        The name is empty if there is none, the number 0 if the fault has none.
        """
        inside = ObservedCall("", machine, "", None, None)
        for _, document in self._documents.of_kind(_KIND):
            rule = Rule.model_validate(document["rule"])
            if isinstance(rule.effect, InGuest) and rule.matches(inside):
                return rule.name, rule.effect.after or rule.times or 0
        return "", 0

    def strike(self, call: ObservedCall) -> Effect | None:
        """Count a call in every rule that matches it, and give the effect of the first that strikes it."""
        struck: Effect | None = None
        for key, document in self._documents.of_kind(_KIND):
            rule, count = Rule.model_validate(document["rule"]), document["seen"] + 1
            effect = rule.effect.on(call.verb) if isinstance(rule.effect, InGuest) else rule.effect
            if effect and rule.matches(call):
                self._documents.put(_KIND, key, document | {"seen": count})
                if struck is None and rule.strikes(count):
                    struck = effect
        return struck
