"""The request for a deployment, and the parts of it that the local Azure does not support.

Source: azure-rest-api-specs, Microsoft.Resources, Deployments; Microsoft's page on deployment modes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json

_PROPERTIES = frozenset(
    {"template", "parameters", "mode", "debugSetting", "expressionEvaluationOptions", "validationLevel"}
)
# Members of a request that are not supported here, with the reasons.
_STRANGE = {
    "templateLink": "templateLink: a template that is fetched from elsewhere",
    "parametersLink": "parametersLink: parameters that are fetched from elsewhere",
    "onErrorDeployment": "onErrorDeployment: an earlier deployment that is repeated after a failure",
}
_MODES = ("incremental", "complete")


@dataclass(frozen=True, slots=True)
class Asked:
    """The request for a deployment."""

    template: Json
    parameters: Json
    tags: Json | None


def asked_of(body: Json) -> Asked:
    """Read the request for a deployment; raises ``ArmError`` InvalidRequestContent, NotSupported."""
    _require_known("DeploymentContent", body, {"properties", "tags", "location"})
    properties = _mapping(body, "properties", "DeploymentContent")
    for name, why in _STRANGE.items():
        if name in properties:
            raise ArmError("NotSupported", what=why)
    _require_known("DeploymentProperties", properties, _PROPERTIES)
    _require_no_debugging(properties.get("debugSetting"))
    _require_mode(properties.get("mode"))
    tags = body.get("tags")
    if tags is not None and not (isinstance(tags, dict) and all(isinstance(each, str) for each in tags.values())):
        raise ArmError("InvalidRequestContent", reason="the tags are not all texts")
    given = _mapping(properties, "parameters", "DeploymentProperties") if "parameters" in properties else {}
    return Asked(_mapping(properties, "template", "DeploymentProperties"), given, tags)


def _require_no_debugging(setting: Any) -> None:
    level = setting.get("detailLevel", "none") if isinstance(setting, dict) else "none"
    if str(level).lower() != "none":
        raise ArmError("NotSupported", what="debugSetting, which keeps what is asked and answered inside,")


def _require_mode(mode: Any) -> None:
    """Refuse Complete: it would delete what the template does not name, and Microsoft now advises against it."""
    if not isinstance(mode, str) or mode.lower() not in _MODES:
        raise ArmError("InvalidRequestContent", reason="properties.mode is none of Incremental, Complete")
    if mode.lower() == "complete":
        raise ArmError("NotSupported", what="mode Complete, which deletes what a template does not name,")


def _require_known(kind: str, body: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
    for name in body:
        if name not in known:
            raise ArmError(
                "InvalidRequestContent",
                reason=f"Could not find member '{name}' on object of type '{kind}'. Path '{name}'.",
            )


def _mapping(holder: Json, name: str, kind: str) -> Json:
    part = holder.get(name)
    if not isinstance(part, dict):
        raise ArmError(
            "InvalidRequestContent", reason=f"Required property '{name}' not found in JSON as an object of '{kind}'."
        )
    return part
