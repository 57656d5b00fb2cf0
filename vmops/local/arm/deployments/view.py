"""Deployments and their operations as answers show them.

Source: recorded traffic, azure-mgmt-resource 10; azure-rest-api-specs, Microsoft.Resources, Deployments.
"""

from http import HTTPStatus

from vmops.local.arm.data.locations import canonical
from vmops.local.arm.deployments.hashing import template_hash
from vmops.local.arm.deployments.plan import Plan
from vmops.local.arm.deployments.record import FAILED, SUCCEEDED, Record, Step
from vmops.local.arm.deployments.template import Declared
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import DEPLOYMENT_TYPE

_OUTPUTS = "EvaluateDeploymentOutput"


def deployment(record: Record) -> Json:
    """Show a deployment."""
    properties: Json = {
        **record.shown,
        "provisioningState": record.state,
        "timestamp": _instant(record.touched),
        "duration": duration(record.touched - record.started),
        "correlationId": record.correlation,
    }
    if record.outputs is not None:
        properties["outputs"] = record.outputs
    if record.error is not None:
        properties["error"] = record.error
    if not record.running:
        properties["outputResources"] = [{"id": step.id} for step in record.steps if step.state == SUCCEEDED]
    tags = {} if record.tags is None else {"tags": record.tags}
    return {"id": record.id, "name": record.rid.name, "type": DEPLOYMENT_TYPE, **tags, "properties": properties}


def outline(plan: Plan, template: Json) -> Json:
    """Show what is known of a deployment before it begins."""
    resources = list(plan.resources.values())
    return {
        "templateHash": template_hash(template),
        "parameters": plan.template.parameters,
        "mode": "Incremental",
        "providers": _providers(plan),
        "dependencies": [
            {"dependsOn": [_dependency(plan.resources[need]) for need in sorted(needs)], **_dependency(each)}
            for each in resources
            if (needs := plan.needs[each.id.lower()])
        ],
    }


def operations(record: Record) -> list[Json]:
    """List the operations of a deployment: one for each resource, and one for its outputs."""
    listed = [_operation(record, step) for step in record.steps if step.started is not None]
    if record.outputs is not None:
        done = Step("", "", "", record.operation, SUCCEEDED, started=record.touched, ended=record.touched, status=200)
        listed.append(_operation(record, done))
    return listed


def _operation(record: Record, step: Step) -> Json:
    number = step.tracking.replace("-", "")[:16].upper()
    properties: Json = {
        "provisioningOperation": "Create" if step.id else _OUTPUTS,
        "provisioningState": step.state,
        "timestamp": _instant(step.ended or step.started or 0),
        "duration": duration((step.ended or record.touched) - (step.started or 0)),
        "trackingId": step.tracking,
        "statusCode": HTTPStatus(step.status).phrase.replace(" ", "") if step.status else "Accepted",
    }
    if step.state == FAILED:
        properties["statusMessage"] = {"status": FAILED, "error": step.error}
    if step.id:
        properties["targetResource"] = {"id": step.id, "resourceType": step.type, "resourceName": step.name}
    return {"id": f"{record.id}/operations/{number}", "operationId": number, "properties": properties}


def _providers(plan: Plan) -> list[Json]:
    """Show which types are deployed in which locations."""
    found: dict[str, dict[str, set[str]]] = {}
    for key, each in plan.resources.items():
        provider, _, kind = each.type.partition("/")
        found.setdefault(provider, {}).setdefault(kind, set()).add(canonical(plan.locations.get(key, "")))
    return [
        {
            "namespace": provider,
            "resourceTypes": [
                {"resourceType": kind, "locations": sorted(filter(None, locations)) or [None]}
                for kind, locations in kinds.items()
            ],
        }
        for provider, kinds in found.items()
    ]


def _dependency(resource: Declared) -> Json:
    return {"id": resource.id, "resourceType": resource.type, "resourceName": resource.name}


def duration(seconds: float) -> str:
    """Write a duration as ARM does: ``PT1M31.2500000S``."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"PT{f'{hours:.0f}H' if hours else ''}{f'{minutes:.0f}M' if minutes else ''}{rest:.7f}S"


def _instant(seconds: float) -> str:
    return timestamp(seconds).replace("+00:00", "0Z")
