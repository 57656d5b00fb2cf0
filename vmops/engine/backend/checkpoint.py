"""Checks whether an engine can use a stack's state: the form of its file, and its integrity.

A state of a newer engine passes: the engine refuses it by itself (`vmops.engine.backend.refusals`).
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

_VERSIONS = (3, 4)
"""Versions of the state's file that our engines write. Source: engine 3.274, pkg/resource/stack."""

_FEATURES = frozenset(
    {
        *("refreshBeforeUpdate", "views", "hooks", "taint", "replaceWith", "snippets-prototype"),
        *("extensionParameterization", "byteString"),
    }
)
"""Features that a file may require of its reader. Source: engine 3.274, pkg/resource/stack: supportedFeatures."""

_PROVIDERS = "pulumi:providers:"

Urn = Annotated[str, Field(pattern=r"^urn:pulumi:.+::.+::.+::.+$")]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, alias_generator=to_camel)


class _Entry(_Part):
    """A resource in a state. Source: Pulumi, sdk/go/common/apitype: ResourceV3."""

    urn: Urn
    type: Annotated[str, Field(min_length=1)]
    custom: bool | None = None
    delete: bool | None = None
    pending_replacement: bool | None = None
    id: str | None = None
    parent: str | None = None
    provider: str | None = None
    deleted_with: str | None = None
    dependencies: list[str] | None = None
    replace_with: list[str] | None = None
    property_dependencies: dict[str, list[str] | None] | None = None
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    created: datetime | None = None
    modified: datetime | None = None

    def needs(self) -> Iterable[str]:
        """Give the URNs that must precede this entry."""
        named = [urn for urns in (self.property_dependencies or {}).values() for urn in urns or ()]
        several = [*(self.dependencies or ()), *(self.replace_with or ()), *named]
        return filter(None, [self.parent, self.deleted_with, *several])


class _Pending(_Part):
    resource: _Entry
    type: str


class _Manifest(_Part):
    time: datetime | None = None
    magic: str = ""
    version: str = ""

    def is_complete(self) -> bool:
        return self.magic == (hashlib.sha256(self.version.encode()).hexdigest() if self.version else "")


class _Secrets(_Part):
    type: str
    state: dict[str, Any] | None = None


class _Deployment(BaseModel):
    model_config = ConfigDict(strict=True)

    manifest: _Manifest = _Manifest()
    secrets_providers: _Secrets | None = None
    resources: list[_Entry] | None = None
    pending_operations: list[_Pending] | None = None


class _Checkpoint(_Part):
    latest: _Deployment | None = None


class _Head(_Part):
    version: int
    features: list[str] | None = None
    checkpoint: dict[str, Any]


class _File(_Part):
    checkpoint: _Checkpoint


class _Export(_Part):
    deployment: _Deployment | None = None


def is_export_usable(text: str) -> bool:
    """Tell whether an exported state is complete and consistent."""
    try:
        latest = _Export.model_validate_json(text).deployment
    except ValidationError:
        return False
    return latest is None or _is_consistent(latest)


def is_usable(text: bytes) -> bool:
    """Tell whether engines can read a state's file; True also for one that only a newer engine can read."""
    try:
        head = _Head.model_validate_json(text)
        if head.version > max(_VERSIONS) or not _FEATURES.issuperset(head.features or ()):
            return True
        latest = _File.model_validate_json(text).checkpoint.latest
    except ValidationError:
        return False
    return head.version in _VERSIONS and (latest is None or _is_consistent(latest))


def _is_consistent(latest: _Deployment) -> bool:
    """Tell whether each entry refers only to earlier entries, and no URN occurs twice.

    Source: engine 3.274, pkg/resource/deploy: Snapshot.VerifyIntegrity.
    """
    urns, lasting, providers = set[str](), set[str](), set[str]()
    for entry in latest.resources or ():
        known = entry.pending_replacement or not entry.provider or entry.provider in providers
        if not known or not urns.issuperset(entry.needs()) or (entry.id and not entry.custom):
            return False
        if entry.urn in lasting and not entry.delete:
            return False
        urns.add(entry.urn)
        lasting.update(() if entry.delete else (entry.urn,))
        providers.update((f"{entry.urn}::{entry.id}",) if entry.type.startswith(_PROVIDERS) else ())
    return latest.manifest.is_complete()
