"""Enforces policies on a write: adds tags to it, then denies it or lets it through."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from vmops.local.arm.policies.condition import Subject, condition
from vmops.local.arm.policies.expression import Context, compiled
from vmops.local.arm.policies.fields import tag_of, values_of
from vmops.local.arm.policies.policy import Policy
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import GROUP_TYPE, ResourceId

_KIND = "policy"
_GROUP_TYPE = "Microsoft.Resources/subscriptions/resourceGroups"
"""The type of a resource group in policies."""


def list_policies(cloud: Cloud) -> list[Json]:
    """Give the policies in force as JSON."""
    return [plain for _, plain in cloud.store.documents.of_kind(_KIND)]


def put_policies(cloud: Cloud, policies: Sequence[Policy]) -> None:
    """Replace the policies; existing resources stay unchanged."""
    with cloud.store.transaction():
        cloud.store.documents.replace(_KIND, (policy.plain() for policy in policies))


class PolicyDenial(ArmError):
    """A write that policies deny. Source: Microsoft's pages on Azure Policy and on Automation's hybrid workers."""

    def __init__(self, rid: ResourceId, denied: list[tuple[Policy, Subject]]) -> None:
        ids = [_identifiers(policy, rid) for policy, _ in denied]
        plain_ids = json.dumps(ids, separators=(",", ":"))
        super().__init__("RequestDisallowedByPolicy", name=rid.name, target=rid.name, identifiers=plain_ids)
        found = [_violation(policy, rid, subject) for policy, subject in denied]
        self._info = [{"type": "PolicyViolation", "info": info} for info in found]

    def body(self) -> dict[str, Any]:
        """Return the content of ``error``, with the findings of each policy."""
        return super().body() | {"additionalInfo": self._info}


def policed(cloud: Cloud, rid: ResourceId, asked: Json, whole: Callable[[], Json]) -> Json:
    """Return a write after the policies' changes; ``whole`` gives the resource that it would make.

    A part of a resource, such as a subnet, can have no tags, so none are added to it.

    Raises: PolicyDenial.
    """
    policies = [Policy.model_validate(plain) for plain in list_policies(cloud)]
    held = [policy for policy in policies if policy.holds_for(rid)]
    if not held:
        return asked
    body = deepcopy(whole())
    before = dict(body.get("tags") or {})
    changing = [] if rid.parent else [policy for policy in held if policy.changes()]
    denied = [found for policy in changing if (found := _change(cloud, policy, rid, body))]
    denied += [(policy, subject) for policy in held if (subject := _denies(cloud, policy, rid, body))]
    if denied:
        raise PolicyDenial(rid, denied)
    tags = body.get("tags") or {}
    return asked if tags == before else asked | {"tags": tags}


def _denies(cloud: Cloud, policy: Policy, rid: ResourceId, body: Json) -> Subject | None:
    subject = _subject(cloud, policy, rid, body)
    return subject if policy.effect == "deny" and condition(policy.rule["if"])(subject) else None


def _change(cloud: Cloud, policy: Policy, rid: ResourceId, body: Json) -> tuple[Policy, Subject] | None:
    """Add a policy's tags to a resource; appending a value that differs from the present one is a denial."""
    subject = _subject(cloud, policy, rid, body)
    if not condition(policy.rule["if"])(subject):
        return None
    for change in policy.changes():
        tag = tag_of(str(compiled(change["field"])(subject.context)))
        value = compiled(change.get("value"))(subject.context)
        text = "" if value is None else str(value)
        if tag and not _put(body, tag, str(change["operation"]).lower(), text):
            return policy, subject
    return None


def _put(body: Json, tag: str, operation: str, value: str) -> bool:
    """Carry out one change of a tag; tell whether that was possible."""
    tags = body["tags"] = dict(body.get("tags") or {})
    there = next((name for name in tags if name.lower() == tag.lower()), tag)
    if operation == "remove":
        tags.pop(there, None)
    elif operation == "addorreplace" or there not in tags:
        tags[there] = value
    return operation != "append" or tags[there] == value


def _subject(cloud: Cloud, policy: Policy, rid: ResourceId, body: Json) -> Subject:
    kind = _GROUP_TYPE if rid.type == GROUP_TYPE else rid.type
    named = {"name": rid.name, "fullName": "/".join(rid.names) or rid.name, "id": str(rid)} | body
    group = cloud.store.get(rid.container)
    around = group.body if group else body

    def field(name: str) -> Any:
        return values_of(named, kind, name)[0]

    return Subject(named, kind, Context(policy.values(), around, field))


def _ids(policy: Policy, rid: ResourceId) -> tuple[str, str]:
    """Make up the ids of a policy's assignment, at its scope, and of its definition."""
    home = f"/subscriptions/{rid.subscription}"
    at, what = policy.scope.rstrip("/") or home, "providers/Microsoft.Authorization"
    return f"{at}/{what}/policyAssignments/{policy.name}", f"{home}/{what}/policyDefinitions/{policy.name}"


def _identifiers(policy: Policy, rid: ResourceId) -> Json:
    shown = policy.display_name or policy.name
    assignment, definition = ({"name": shown, "id": each} for each in _ids(policy, rid))
    return {"policyAssignment": assignment, "policyDefinition": definition}


def _violation(policy: Policy, rid: ResourceId, subject: Subject) -> Json:
    assignment, definition = _ids(policy, rid)
    shown = policy.display_name or policy.name
    return {
        "policyDefinitionDisplayName": shown,
        "evaluationDetails": {"evaluatedExpressions": subject.seen},
        "policyDefinitionId": definition,
        "policyDefinitionName": policy.name,
        "policyDefinitionEffect": policy.effect,
        "policyAssignmentId": assignment,
        "policyAssignmentName": policy.name,
        "policyAssignmentDisplayName": shown,
        "policyAssignmentScope": policy.scope or f"/subscriptions/{rid.subscription}",
        "policyAssignmentParameters": {name: {"value": value} for name, value in policy.values().items()},
    }
