"""The calls about deployments: begin, validate, show, cancel and delete them.

Source: azure-rest-api-specs, Microsoft.Resources, Deployments; recorded traffic, azure-mgmt-resource 10.
"""

import re

from vmops.local.arm.deployments import record as records
from vmops.local.arm.deployments import view
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.deployments.places import Place
from vmops.local.arm.deployments.plan import Plan, plan
from vmops.local.arm.deployments.record import CANCELED, DELETING, SUCCEEDED, Record
from vmops.local.arm.deployments.request import asked_of
from vmops.local.arm.deployments.run import steps_of
from vmops.local.arm.models import GROUPS
from vmops.local.arm.models.kind import new_guid, require_open
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state import lro
from vmops.local.arm.state.clock import american
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page

_FILTER = re.compile(r"\s*provisioningState\s+eq\s+'(\w+)'\s*", re.IGNORECASE)
_WEEK = 7 * 24 * 3600.0
"""Seconds until an active deployment expires. Source: the reports of users of DeploymentActive."""


def put(cloud: Cloud, call: Call) -> Reply:
    """Begin a deployment; one of that name may exist if its last run has ended.

    Raises: ArmError InvalidTemplate, DeploymentActive, and refusals of the group.
    """
    home = require_open(cloud, call.resource).id
    existing = records.find(cloud, call.resource)
    if existing and (existing.running or existing.state == DELETING):
        raise ArmError("DeploymentActive", name=existing.rid.name, **_times(existing))
    record, _ = _accepted(cloud, call, home)
    operation = cloud.begin("deploy", Resource(record.rid, {}))
    record.operation = operation.id
    records.save(cloud, record)
    headers = {"Azure-AsyncOperation": _status_url(call, record)}
    headers |= lro.pause(operation, cloud.now(), cloud.pace, first=True)
    return Reply(200 if existing else 201, view.deployment(record), headers)


def validate(cloud: Cloud, call: Call) -> Reply:
    """Validate a template, as far as possible without deploying it; raises `ArmError`."""
    home = require_open(cloud, call.resource).id
    record, planned = _accepted(cloud, call, home)
    record.state = SUCCEEDED
    body = view.deployment(record)
    properties = {key: part for key, part in body["properties"].items() if key != "outputResources"}
    validated = [{"id": each.id} for each in planned.resources.values()]
    return Reply(200, body | {"properties": properties | {"validatedResources": validated}})


def get(cloud: Cloud, call: Call) -> Reply:
    """Show a deployment."""
    return Reply(200, view.deployment(_record(cloud, call)))


def head(cloud: Cloud, call: Call) -> Reply:
    """Tell whether a deployment exists: 204 or 404."""
    _record(cloud, call)
    return Reply(204)


def list_deployments(cloud: Cloud, call: Call) -> Reply:
    """List the deployments of a group, all or those in one state."""
    group = GROUPS.get(cloud, call.group)
    text = call.query.get("$filter", "")
    state = _state_in(text)
    found = [record for record in records.within(cloud, group.id) if state in ("", record.state.lower())]
    return page(call, [view.deployment(record) for record in found])


def delete(cloud: Cloud, call: Call) -> Reply:
    """Begin to delete a deployment; its resources stay, and an absent one answers 204."""
    GROUPS.get(cloud, call.group)
    record = records.find(cloud, call.resource)
    if record is None:
        return Reply(204)
    if record.running or record.state == DELETING:
        raise ArmError("DeploymentActive:delete", name=record.rid.name)
    operation = cloud.begin("delete", Resource(record.rid, {}))
    record.state = DELETING
    records.save(cloud, record)
    headers = lro.links(operation, call.base, call.api_version, result=True)
    return Reply(202, None, headers | lro.pause(operation, cloud.now(), cloud.pace, first=True))


def cancel(cloud: Cloud, call: Call) -> Reply:
    """Cancel a deployment: requests that were made continue, and no more are made."""
    record = _record(cloud, call)
    operation = cloud.store.operation(record.operation)
    if not record.running or operation is None:
        raise ArmError("DeploymentCannotBeCancelled", name=record.rid.name, state=record.state, **_times(record))
    operation.ended, operation.status = cloud.now(), CANCELED
    cloud.store.save_operation(operation)
    record.state, record.touched = CANCELED, cloud.now()
    records.save(cloud, record)
    return Reply(204)


def export_template(cloud: Cloud, call: Call) -> Reply:
    """Show the template of a deployment."""
    asked = cloud.seal.open(_record(cloud, call).sealed)
    if asked is None:
        raise ArmError("DeploymentForgotten")
    return Reply(200, {"template": asked["template"]})


def refuse_what_if(_cloud: Cloud, _call: Call) -> Reply:
    """Refuse to predict what a deployment would change."""
    raise ArmError("NotSupported", what="whatIf, which predicts what a deployment would change,")


def get_status(cloud: Cloud, call: Call) -> Reply:
    """Answer a poll."""
    record = _record(cloud, call)
    operation = cloud.store.operation(call.names["operation"])
    if operation is None or operation.target.key != record.rid.key:
        raise ArmError("DeploymentNotFound", name=call.names["deployment"])
    body: Json = {"status": record.state if operation.id == record.operation else operation.status}
    if operation.error:
        body["error"] = operation.error
    running = operation.ended is None
    return Reply(200, body, lro.pause(operation, cloud.now(), cloud.pace, first=False) if running else {})


def list_operations(cloud: Cloud, call: Call) -> Reply:
    """List the operations of a deployment so far."""
    return page(call, view.operations(_record(cloud, call)))


def get_operation(cloud: Cloud, call: Call) -> Reply:
    """Show one operation of a deployment."""
    name = call.names["operation"].upper()
    for each in view.operations(_record(cloud, call)):
        if each["operationId"] == name:
            return Reply(200, each)
    raise ArmError("DeploymentOperationNotFound", name=call.names["operation"])


def _accepted(cloud: Cloud, call: Call, home: ResourceId) -> tuple[Record, Plan]:
    """Read a request, and give its record and its plan; raises `ArmError`."""
    name, body = call.names["deployment"], GROUPS.get(cloud, home).body
    asked = asked_of(call.body)
    try:
        planned = plan(asked.template, asked.parameters, Place(home, body, name))
    except TemplateError as wrong:
        raise ArmError("InvalidTemplate", reason=wrong) from None
    sealed = cloud.seal.close({"template": asked.template, "parameters": asked.parameters})
    rid, now = home.sibling("Microsoft.Resources", "deployments", name), cloud.now()
    shown = view.outline(planned, asked.template)
    record = Record(str(rid), "", new_guid(), now, sealed, shown, asked.tags, touched=now, steps=steps_of(planned))
    return record, planned


def _record(cloud: Cloud, call: Call) -> Record:
    group, name = GROUPS.get(cloud, call.group), call.names["deployment"]
    record = records.find(cloud, group.id.sibling("Microsoft.Resources", "deployments", name))
    if record is None:
        raise ArmError("DeploymentNotFound", name=name)
    return record


def _status_url(call: Call, record: Record) -> str:
    return f"{call.base}{record.id}/operationStatuses/{record.operation}?api-version={call.api_version}"


def _state_in(text: str) -> str:
    """Return the state in a list's filter, in lower case; raises ``ArmError`` for any other filter."""
    if not text:
        return ""
    match = _FILTER.fullmatch(text)
    if match is None:
        raise ArmError("InvalidFilterInQueryString", filter=text)
    return match[1].lower()


def _times(record: Record) -> dict[str, str]:
    """Give the times when a deployment began and when it expires, in the form of ARM's refusals."""
    return {"since": american(record.started), "expires": american(record.started + _WEEK)}
