"""One rule: which calls it is about, which of them it strikes, and what it does to those."""

import random
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, TypeAdapter

from vmops.local.arm.faults.calls import Asked
from vmops.local.arm.faults.effects import Effect, Part
from vmops.local.arm.wire.lists import read_list

_Count = Annotated[int, Field(ge=1)]


class Rule(Part):
    """A fault that waits for its calls.

    A path is a glob without regard to case, and means what lies below it too. Of the calls that match, counted from 1,
    the ``nth`` is struck, or ``times`` of them from there on; without both, every one. Of these, a ``share`` is struck
    that depends on the seed and nothing else.
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

    def matches(self, asked: Asked) -> bool:
        """Tell whether a call is one of those that the rule is about."""
        path, pattern = asked.path.rstrip("/").lower(), self.path.lower()
        return (
            fnmatchcase(asked.method, self.method.upper())
            and (fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*"))
            and (not self.verbs or asked.verb.lower() in {verb.lower() for verb in self.verbs})
        )

    def strikes(self, count: int) -> bool:
        """Tell whether the call that is the ``count``-th to match is struck."""
        if self.nth or self.times:
            first = self.nth or 1
            if not first <= count < first + (self.times or 1):
                return False
        return self.share is None or random.Random(f"{self.seed}/{count}").random() < self.share  # noqa: S311

    def plain(self) -> dict[str, object]:
        """Give the rule as JSON has it, without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {
            "effect": {"do": self.effect.do} | self.effect.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        }


_RULES = TypeAdapter(list[Rule])


def read_rules(plain: object) -> list[Rule]:
    """Read a list of rules; raises ``SpecError`` that says which field of which rule is wrong, and why."""
    return read_list(
        _RULES, plain, "faults", lambda where, wrong: f"{where}: {wrong['input']!r} is wrong: {wrong['msg']}"
    )
