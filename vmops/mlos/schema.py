"""The JSON schema of our service configs, and its registration with mlos_bench.

mlos_bench accepts only the classes in its schema. Its message about a wrong config is that whole schema, so only the
names of our classes are registered there; the content of a config is checked here, with one sentence for each mistake.
"""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from mlos_bench.config.schemas import ConfigSchema
from pydantic.alias_generators import to_camel

from vmops.core.errors import SpecError
from vmops.core.settings import Settings
from vmops.protocol import HANDLE
from vmops.spec.described import SECRETS
from vmops.spec.rules.spelling import near_miss
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

Schema = dict[str, Any]

CLASSES = (
    "vmops.mlos.PulumiVMService",
    "vmops.mlos.service.PulumiVMService",
    "vmops.mlos.VmSshService",
    "vmops.mlos.VmFileShareService",
)
"""The names of our services in a config."""

SSH: Mapping[str, Schema] = {
    "ssh_request_timeout": {"type": ["null", "number"]},
    "ssh_keepalive_interval": {"type": ["null", "number"]},
    "ssh_hostname": {"type": ["null", "string"]},
    "ssh_port": {"type": ["null", "integer"]},
    "ssh_username": {"type": ["null", "string"]},
    "ssh_priv_key_path": {"type": ["null", "string"]},
    "ssh_known_hosts_file": {"type": ["null", "string"]},
    "ssh_shell": {"type": "string"},
}
"""The config keys of mlos_bench's own SSH services. Source: mlos_bench 0.6.2, services/remote/ssh."""

_FORMS = {
    "string": ["string", "integer", "number"],
    "number": ["number", "string"],
    "integer": ["integer", "string"],
    "boolean": ["boolean", "string"],
    "array": ["array", "integer", "string"],
    "object": ["object", "string"],
}
"""How a value of each parameter type may be written: mlos_bench's command line has only strings and numbers."""

_LISTED = ("vmSize", "location", "zone", "priority")
"""Parameters that may be a list, or a list written as one string."""

_TEMPLATE = {"type": "string", "pattern": r"\$"}
"""A string with a ``$variable``, which is expanded later."""


def settings() -> dict[str, str]:
    """Return the settings that are not parameters of a VM: the field of `Settings` by the name in a config."""
    fields = {to_camel(field): field for field in Settings.model_fields}
    return {name: field for name, field in fields.items() if name not in VmSpec.parameters()}


def config_schema() -> Schema:
    """Return the JSON schema of a service's config: the parameters of a VM, and the settings of vmops."""
    derived = VmSpec.model_json_schema()["properties"]
    names = sorted({*VmSpec.parameters(), *settings()} - {HANDLE})
    properties = {name: _property(derived.get(name, {})) for name in names}
    properties |= {name: {"type": ["array", *_FORMS["string"]]} for name in _LISTED}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def ssh_schema() -> Schema:
    """Return the JSON schema for an SSH service: the parameters that identify a VM, and mlos_bench's keys."""
    which = {to_camel(field) for field in Target.model_fields} | settings().keys()
    derived = config_schema()
    ours = {name: each for name, each in derived["properties"].items() if name in which}
    return {**derived, "properties": {**ours, **SSH}}


def check(config: Mapping[str, Any], schema: Schema | None = None) -> None:
    """Check a service's config against its schema, by default that of `PulumiVMService`.

    Raises: SpecError, with one sentence for every unknown name and for every value of a wrong type.
    """
    schema = schema or config_schema()
    known = schema["properties"].keys()
    problems = [_unknown(name, near_miss(name, known)) for name in config if name not in known]
    validator = Draft202012Validator({**schema, "additionalProperties": True})
    problems += [_sentence(error) for error in validator.iter_errors(dict(config))]
    if problems:
        raise SpecError(problems)


def register_classes() -> None:
    """Make mlos_bench accept service configs with our classes, in this process; it checks all others as before.

    Source: mlos_bench 0.6.2, config/schemas/services/service-schema.json: one of its own classes, or none.
    """
    ours = {
        "type": "object",
        "properties": {"class": {"enum": list(CLASSES)}, "config": {"type": "object"}},
        "required": ["class"],
    }
    known = ConfigSchema.SERVICE.schema["$defs"]["service_config"]["allOf"][0]["oneOf"]
    if ours not in known:
        known.append(ours)


def _property(derived: Mapping[str, Any]) -> Schema:
    """Extend pydantic's schema of a parameter to all forms in which it may be written."""
    if "enum" in derived:
        return {"anyOf": [{"enum": derived["enum"]}, _TEMPLATE]}
    kinds = [each.get("type", "null") for each in derived.get("anyOf", [derived])]
    kind = next((each for each in kinds if each != "null"), "string")
    return {"type": _FORMS[kind]}


def _unknown(name: str, meant: str | None) -> str:
    return f"config: {name}: no such parameter or setting" + (f"; did you mean {meant}?" if meant else "")


def _sentence(error: Any) -> str:
    name = error.path[0]
    known = error.schema.get("anyOf", [{}])[0].get("enum")
    rule = f"is none of {', '.join(known)}" if known else f"is no {' or '.join(error.schema['type'])}"
    return f"config: {name}: {'its value' if name in SECRETS else repr(error.instance)} {rule}"
