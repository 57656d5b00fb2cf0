"""Runs a deployment: each resource is requested when everything that it waits for exists.

It makes a request for each resource, as a client would, and polls the operation that this begins. Source:
azure-rest-api-specs, Microsoft.Resources, Deployments; for the texts of failures the reports of users, such as
OfficeDev/microsoft-teams-apps-company-communicator#1278.
"""

from dataclasses import replace
from typing import Any, Protocol

from vmops.local.arm.deployments import record as records
from vmops.local.arm.deployments.evaluation import Scope, evaluate
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.deployments.places import Place
from vmops.local.arm.deployments.plan import Plan, plan
from vmops.local.arm.deployments.record import ACCEPTED, FAILED, RUNNING, SUCCEEDED, Record, Step
from vmops.local.arm.deployments.template import Declared
from vmops.local.arm.models.kind import new_guid
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.wire.messages import Reply

_THROTTLED = 429
_KEPT = 256
"""The most plans of running deployments that are kept in memory."""
_PAUSE = 10.0
"""Seconds until a throttled resource is requested again, if the answer does not say; Azure's own."""


class Ask(Protocol):
    """Makes a request to the cloud, as from outside."""

    def __call__(self, cloud: Cloud, method: str, path: str, api_version: str, body: Json | None = None) -> Reply:
        """Return the answer, which may be a refusal."""


class Failure(ArmError):
    """The failure of a deployment: its own code, and the causes inside."""

    def __init__(self, row: str, causes: list[Json], **blanks: object) -> None:
        super().__init__(row, **blanks)
        self._causes = causes

    def body(self) -> Json:
        """Return the content of ``error``."""
        return super().body() | {"details": self._causes}


class Deployments:
    """The rules of deployments, which the cloud calls when the operation of one is due."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._plans: dict[str, Plan] = {}

    def finish(self, cloud: Cloud, operation: Operation) -> float | None:
        """Continue a deployment; return when to continue next, None when it has succeeded.

        Raises: Failure.
        """
        record = records.find(cloud, operation.target)
        if record is None or operation.verb == "delete":
            records.forget(cloud, operation.target)
            return None
        try:
            return self._go_on(cloud, record)
        except Failure as failure:
            record.state, record.error = FAILED, failure.body()
            raise
        finally:
            record.touched = cloud.now()
            records.save(cloud, record)

    def fail(self, cloud: Cloud, operation: Operation) -> None:
        """Mark a deployment as failed with its operation."""
        record = records.find(cloud, operation.target)
        if record is not None:
            record.state, record.error, record.touched = FAILED, operation.error, cloud.now()
            records.save(cloud, record)

    def remove(self, cloud: Cloud, resource: Resource) -> None:
        """Delete a deployment's record."""
        records.forget(cloud, resource.id)

    def _go_on(self, cloud: Cloud, record: Record) -> float | None:
        for step in record.steps:
            _look(cloud, step)
        planned = self._plan(cloud, record)
        while self._begin_next(cloud, record, planned):
            """A resource that is made at once may make others ready."""
        running = [step for step in record.steps if step.state == RUNNING or step.again is not None]
        if running:
            record.state = RUNNING
            return min(_due(cloud, step) for step in running)
        self._end(cloud, record, planned)
        return None

    def _plan(self, cloud: Cloud, record: Record) -> Plan:
        """Return the plan of a deployment; if another process began it, its template is read again."""
        if record.operation not in self._plans:
            asked = cloud.seal.open(record.sealed)
            if len(self._plans) == _KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[record.operation] = _read_again(cloud, record, asked)
        return self._plans[record.operation]

    def _begin_next(self, cloud: Cloud, record: Record, planned: Plan) -> bool:
        """Request every resource that is ready, unless one has failed; tell whether there was any."""
        if any(step.state == FAILED for step in record.steps):
            for step in record.steps:
                step.again = None
            return False
        done = {step.id.lower() for step in record.steps if step.state == SUCCEEDED}
        ready = [step for step in record.steps if _is_ready(cloud, step) and planned.needs[step.id.lower()] <= done]
        for step in ready:
            self._begin(cloud, step, planned)
        return bool(ready)

    def _begin(self, cloud: Cloud, step: Step, planned: Plan) -> None:
        """Request one resource."""
        declared = planned.resources[step.id.lower()]
        step.started, step.again = step.started or cloud.now(), None
        try:
            body = evaluate(declared.body, self._scope(cloud, declared.scope, planned))
        except (TemplateError, RecursionError) as wrong:
            refusal = ArmError("InvalidTemplate:resource", id=step.id, reason=wrong)
            _ended(cloud, step, FAILED, refusal.status, refusal.body())
            return
        _answered(cloud, step, self._ask(cloud, "PUT", step.id, declared.api_version, body))

    def _end(self, cloud: Cloud, record: Record, planned: Plan) -> None:
        """Compute the outputs of a deployment whose resources all exist; raises `Failure`."""
        causes = [{"target": step.id} | step.error for step in record.steps if step.error]
        if causes:
            raise Failure("DeploymentFailed", causes, target=record.id)
        scope = self._scope(cloud, planned.template.scope, planned)
        outputs: Json = {}
        for name in planned.template.declared_outputs:
            try:
                outputs |= planned.template.output(name, scope)
            except (TemplateError, RecursionError) as wrong:
                cause = ArmError("DeploymentOutputEvaluationFailed:one", target=name, name=name, reason=wrong)
                raise Failure("DeploymentOutputEvaluationFailed", [cause.body()], name=name) from None
        record.state, record.outputs = SUCCEEDED, outputs

    def _scope(self, cloud: Cloud, scope: Scope, planned: Plan) -> Scope:
        """Give a scope in which other resources can be referred to."""

        def reference(named: str, version: str, whole: bool) -> Any:
            declared = planned.names.find(named)
            found = self._seen(cloud, declared.id if declared else named, version or _version(declared))
            return found if whole else found.get("properties", {})

        return replace(scope, reference=reference)

    def _seen(self, cloud: Cloud, rid: str, version: str) -> Json:
        answer = self._ask(cloud, "GET", rid, version)
        body = answer.body if isinstance(answer.body, dict) else {}
        if answer.status >= 400:
            raise TemplateError(str(body.get("error", {}).get("message", f"The resource '{rid}' cannot be read.")))
        return {key: part for key, part in body.items() if key not in ("id", "name")}


def _read_again(cloud: Cloud, record: Record, asked: Json | None) -> Plan:
    """Read an accepted template again; raises `Failure` if it cannot be read, or is no longer valid."""
    if asked is None:
        raise Failure("DeploymentFailed", [ArmError("DeploymentForgotten").body()], target=record.id)
    home = record.rid.container
    group = cloud.store.get(home)
    try:
        return plan(asked["template"], asked["parameters"], Place(home, group.body if group else {}, record.rid.name))
    except TemplateError as wrong:
        cause = ArmError("InvalidTemplate", reason=wrong)
        raise Failure("DeploymentFailed", [cause.body()], target=record.id) from None


def _version(declared: Declared | None) -> str:
    return declared.api_version if declared else ""


def _is_ready(cloud: Cloud, step: Step) -> bool:
    return step.state == ACCEPTED and (step.again is None or step.again <= cloud.now())


def _answered(cloud: Cloud, step: Step, reply: Reply) -> None:
    """Record the answer to the request for a resource."""
    if reply.status == _THROTTLED:
        step.again = cloud.now() + _pause(cloud, reply)
        return
    step.status = reply.status
    if reply.status >= 400:
        body = reply.body if isinstance(reply.body, dict) else {}
        _ended(cloud, step, FAILED, reply.status, body.get("error", body))
        return
    step.operation, step.state = lro.id_in(reply.headers), RUNNING
    _look(cloud, step)


def _pause(cloud: Cloud, reply: Reply) -> float:
    """Return the pause that a refusal asks for, in seconds of the cloud's own time."""
    milliseconds, seconds = (reply.headers.get(name) for name in ("x-ms-retry-after-ms", "Retry-After"))
    if milliseconds:
        return float(milliseconds) / 1000
    return float(seconds) if seconds else _PAUSE * cloud.pace


def _look(cloud: Cloud, step: Step) -> None:
    """Check whether the write of a resource has ended, and how."""
    if step.state != RUNNING:
        return
    operation = cloud.store.operation(step.operation)
    if operation is None:
        _ended(cloud, step, SUCCEEDED, step.status, None)
    elif operation.ended is not None:
        error = _terminal(operation.error) if operation.error else None
        _ended(cloud, step, FAILED if error else SUCCEEDED, 409 if error else 200, error)


def _ended(cloud: Cloud, step: Step, state: str, status: int, error: Json | None) -> None:
    step.state, step.status, step.error, step.ended = state, status, error, cloud.now()


def _terminal(error: Json) -> Json:
    return ArmError("ResourceDeploymentFailure").body() | {"details": [error]}


def _due(cloud: Cloud, step: Step) -> float:
    if step.again is not None:
        return step.again
    operation = cloud.store.operation(step.operation)
    return operation.due if operation else cloud.now()


def steps_of(planned: Plan) -> list[Step]:
    """Give the steps of a plan."""
    return [Step(each.id, each.type, each.name, new_guid()) for each in planned.resources.values()]
