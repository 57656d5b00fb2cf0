"""The engine's calls about resources."""

import logging
from typing import Protocol

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as protocol

from vmops.core.errors import CloudError, VmopsError
from vmops.local.provider import checks, diffs
from vmops.local.provider.arm import Arm
from vmops.local.provider.crud import Resource, explain
from vmops.local.provider.messages import diff_answer, properties, struct
from vmops.local.provider.naming import Autonaming, Policy
from vmops.local.provider.resource_types import RESOURCE_GROUP, TYPES
from vmops.local.provider.schema import ResourceType
from vmops.local.provider.sessions import Caller
from vmops.local.provider.translate import (
    UNKNOWN,
    Properties,
    path_inputs,
    preview,
    resource_id,
    to_inputs,
)

_log = logging.getLogger(__name__)


class _Typed(Protocol):
    @property
    def type(self) -> str: ...


class Resources:
    """The resource types at one ARM endpoint: a method for each call, with the call's name."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def check(self, request: protocol.CheckRequest, caller: Caller) -> protocol.CheckResponse:
        """Fill in what the program left out, and find invalid inputs."""
        kind = _kind(request)
        inputs = checks.complete(
            kind,
            properties(request.news),
            properties(request.olds),
            logical_name=request.name,
            wish=Autonaming(request.randomSeed, Policy(request.autonaming.mode), request.autonaming.proposed_name),
            default_location=lambda known: caller.session.location or self._group_location(known, caller),
        )
        failures = [
            protocol.CheckFailure(property=flaw.path, reason=flaw.reason) for flaw in checks.flaws(kind, inputs)
        ]
        return protocol.CheckResponse(inputs=struct(inputs), failures=failures)

    def diff(self, request: protocol.DiffRequest, _caller: Caller) -> protocol.DiffResponse:
        """Compare the old inputs with the new ones."""
        olds = properties(request.old_inputs)
        changes = diffs.diff(_kind(request), olds, properties(request.news), properties(request.olds))
        return diff_answer(changes, diffs.deletes_first(olds))

    def create(self, request: protocol.CreateRequest, caller: Caller) -> protocol.CreateResponse:
        """Create a resource, or preview its creation."""
        kind, inputs = _kind(request), properties(request.properties)
        if request.preview:
            return protocol.CreateResponse(properties=struct(preview(kind, inputs)))
        resource = Resource(self._arm, kind, resource_id(kind, inputs, caller.session.subscription))
        arm_id, outputs = resource.create(caller.call(request.timeout), inputs)
        return protocol.CreateResponse(id=arm_id, properties=struct(outputs))

    def read(self, request: protocol.ReadRequest, caller: Caller) -> protocol.ReadResponse:
        """Read a resource: its outputs, and the inputs updated by changes in the cloud; one that is gone has no id."""
        kind = _kind(request)
        outputs = Resource(self._arm, kind, request.id).read(caller.call(request.timeout))
        if outputs is None:
            return protocol.ReadResponse()
        inputs, state = properties(request.inputs), properties(request.properties)
        read = _followed(kind, inputs, state, outputs) if inputs else _imported(kind, request.id, outputs)
        return protocol.ReadResponse(id=request.id, properties=struct(outputs), inputs=struct(read))

    def update(self, request: protocol.UpdateRequest, caller: Caller) -> protocol.UpdateResponse:
        """Update a resource in place, or preview the update."""
        kind, inputs = _kind(request), properties(request.news)
        if request.preview:
            kept = {"id": request.id, "name": properties(request.olds).get("name", UNKNOWN)}
            return protocol.UpdateResponse(properties=struct({**preview(kind, inputs), **kept}))
        resource = Resource(self._arm, kind, resource_id(kind, inputs, caller.session.subscription))
        return protocol.UpdateResponse(properties=struct(resource.update(caller.call(request.timeout), inputs)))

    def delete(self, request: protocol.DeleteRequest, caller: Caller) -> Empty:
        """Delete a resource; one that is gone counts as deleted."""
        Resource(self._arm, _kind(request), request.id).delete(caller.call(request.timeout))
        return Empty()

    def _group_location(self, inputs: Properties, caller: Caller) -> str | None:
        """Give the location of the resource group: unknown if its name is, None if ARM does not know the group."""
        name, session = inputs.get("resourceGroupName"), caller.session
        if name is None or name == UNKNOWN:
            return name
        arm_id = resource_id(RESOURCE_GROUP, {"resourceGroupName": name}, session.subscription)
        if arm_id not in session.group_locations:
            try:
                found = Resource(self._arm, RESOURCE_GROUP, arm_id).read(caller.call())
            except CloudError as error:
                _log.warning("cannot read the location of '%s': %s", arm_id, explain(error))
                found = None
            if found is None:
                return None
            session.group_locations[arm_id] = str(found["location"])
        return session.group_locations[arm_id]


def _kind(request: _Typed) -> ResourceType:
    if kind := TYPES.get(request.type):
        return kind
    known = ", ".join(TYPES)
    raise VmopsError(f"the local Azure has no resource type '{request.type}': it has {known}")


def _followed(kind: ResourceType, inputs: Properties, state: Properties, outputs: Properties) -> Properties:
    """Give the inputs with the resource's changes; arrays of children that the program never set are left out."""
    if not state:
        return inputs
    ignored = kind.children - inputs.keys()
    before, after = (to_inputs(kind, {name: seen[name] for name in seen.keys() - ignored}) for seen in (state, outputs))
    return diffs.drift(inputs, before, after)


def _imported(kind: ResourceType, arm_id: str, outputs: Properties) -> Properties:
    own = {**path_inputs(kind, arm_id), "azureApiVersion": kind.api_version}
    return {**to_inputs(kind, outputs), **own}
