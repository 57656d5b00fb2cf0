"""One rule: which calls it matches, which of them it strikes, and with what effect."""

import random
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, TypeAdapter

from vmops.local.arm.faults.effects import Effect, Part
from vmops.local.arm.faults.observed import ObservedCall
from vmops.local.arm.wire.lists import read_list

_Count = Annotated[int, Field(ge=1)]


class Rule(Part):
    """A rule that applies a fault to calls.

    A path is a glob without regard to case, and includes what lies below it. Of the calls that match, counted from 1,
    the ``nth`` is struck, or ``times`` of them from there on; without both, every one. A ``share`` of these is struck,
    selected by the seed alone.
    """

    name: str = "custom"
    method: str = "*"
    path: str = "*"
    verbs: tuple[str, ...] = ()
    nth: _Count | None = None
    times: _Count | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int = 0
    effect: Effect

    def matches(self, call: ObservedCall) -> bool:
        """Tell whether the rule matches a call."""
        path, pattern = call.path.rstrip("/").lower(), self.path.lower()
        return (
            fnmatchcase(call.method, self.method.upper())
            and (fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*"))
            and (not self.verbs or call.verb.lower() in {verb.lower() for verb in self.verbs})
        )

    def strikes(self, count: int) -> bool:
        """Tell whether the ``count``-th matching call is struck."""
        if self.nth or self.times:
            first = self.nth or 1
            if not first <= count < first + (self.times or 1):
                return False
        return self.share is None or random.Random(f"{self.seed}/{count}").random() < self.share  # noqa: S311

    def plain(self) -> dict[str, object]:
        """Give the rule as JSON, without fields that are not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {
            "effect": {"do": self.effect.do} | self.effect.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        }


_RULES = TypeAdapter(list[Rule])


def read_rules(plain: object) -> list[Rule]:
    """Read a list of rules; raises ``SpecError`` that says which field of which rule is wrong, and why."""
    return read_list(
        _RULES, plain, "faults", lambda where, wrong: f"{where}: {wrong['input']!r} is wrong: {wrong['msg']}"
    )
