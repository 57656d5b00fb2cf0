"""One policy: its rule in the form of Azure's definitions, and its scope.

Source: Microsoft's page on the structure of policy definitions; azure-rest-api-specs, Microsoft.Authorization.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from vmops.local.arm.policies.condition import condition
from vmops.local.arm.policies.expression import compiled
from vmops.local.arm.policies.fields import tag_of
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.lists import read_list, rule_of

_EFFECTS = ("deny", "append", "modify", "audit", "disabled")
_OPERATIONS = ("addorreplace", "add", "remove", "append")


class Policy(BaseModel):
    """A policy that holds at a ``scope`` and below it; everywhere without one.

    A definition in Azure's form, with its parts under ``properties``, is accepted too. A parameter has a ``value`` or a
    ``defaultValue``. Fields that are not named here have no effect.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    name: str = Field(min_length=1)
    display_name: str = Field("", alias="displayName")
    mode: str = "All"
    scope: str = ""
    parameters: dict[str, Json] = {}
    rule: Json = Field(alias="policyRule")

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, plain: Any) -> Any:
        """Move the properties of a definition beside its name."""
        if isinstance(plain, dict) and isinstance(plain.get("properties"), dict):
            return {**plain["properties"], **{key: plain[key] for key in plain if key != "properties"}}
        return plain

    @model_validator(mode="after")
    def _known(self) -> Self:
        """Refuse at once what could not be evaluated later."""
        condition(self.rule.get("if"))
        if self.effect not in _EFFECTS:
            raise ValueError(f"the effect {self.effect!r} is none of {', '.join(_EFFECTS)}")
        for change in self.changes():
            compiled(change.get("value"))
            named = str(change.get("field"))
            compiled(named)
            is_tag = named.startswith("[") or tag_of(named) is not None
            if not is_tag or str(change.get("operation")).lower() not in _OPERATIONS:
                raise ValueError(f"{change!r} is none that is known here: only tags are put into a resource")
        return self

    @property
    def effect(self) -> str:
        """Its effect on a resource that meets its condition."""
        plain = str((self.rule.get("then") or {}).get("effect", ""))
        if plain.startswith("[parameters('") and plain.endswith("')]"):
            return str(self.values().get(plain[len("[parameters('") : -len("')]")], "")).lower()
        return plain.lower()

    def values(self) -> dict[str, Any]:
        """Give the values of its parameters."""
        return {name: part.get("value", part.get("defaultValue")) for name, part in self.parameters.items()}

    def changes(self) -> list[Json]:
        """Give its changes of a resource: each has an operation, a field and mostly a value."""
        details = (self.rule.get("then") or {}).get("details") or {}
        if self.effect == "append":
            return [{"operation": "append"} | change for change in details]
        return list(details.get("operations", [])) if self.effect == "modify" else []

    def holds_for(self, rid: ResourceId) -> bool:
        """Tell whether it applies to a resource: at or below its scope, and, if it is Indexed, of a type with tags."""
        below = f"{rid.key}/".startswith(f"{self.scope.lower().rstrip('/')}/") if self.scope else True
        return below and (self.mode.lower() != "indexed" or bool(rid.provider and not rid.parent))

    def plain(self) -> Json:
        """Give it as JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


_POLICIES = TypeAdapter(list[Policy])


def read_policies(plain: object) -> list[Policy]:
    """Read a list of policies; raises ``SpecError`` that says which field of which one is wrong, and why."""
    return read_list(_POLICIES, plain, "policies", lambda where, wrong: f"{where}: {rule_of(wrong)}")
