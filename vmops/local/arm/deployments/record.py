"""The record of a deployment: its progress, and its sealed request."""

from dataclasses import dataclass, field
from typing import Any

from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId

ACCEPTED, RUNNING, DELETING = "Accepted", "Running", "Deleting"
SUCCEEDED, FAILED, CANCELED = "Succeeded", "Failed", "Canceled"
_KIND = "deployment"


@dataclass
class Step:
    """One resource of a deployment; ``operation`` is that of its write while that runs.

    ``state`` is Accepted until it is requested, then Running, Succeeded or Failed. ``again`` is the time of the next
    attempt after a throttled one. Times are seconds since the epoch.
    """

    id: str
    type: str
    name: str
    tracking: str
    state: str = ACCEPTED
    operation: str = ""
    again: float | None = None
    started: float | None = None
    ended: float | None = None
    status: int = 0
    error: Json | None = None


@dataclass
class Record:
    """One deployment: ``shown`` is its answer at the start, ``sealed`` its encrypted template and parameters."""

    id: str
    operation: str
    correlation: str
    started: float
    sealed: str
    shown: Json
    tags: Json | None = None
    state: str = ACCEPTED
    touched: float = 0
    steps: list[Step] = field(default_factory=list)
    outputs: Json | None = None
    error: Json | None = None

    @property
    def rid(self) -> ResourceId:
        """Its id."""
        return ResourceId.parse(self.id)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in (ACCEPTED, RUNNING)


def find(cloud: Cloud, rid: ResourceId) -> Record | None:
    """Return the deployment of that id, if it exists."""
    plain = cloud.store.documents.find(_KIND, rid.key)
    return None if plain is None else _read(plain)


def within(cloud: Cloud, group: ResourceId) -> list[Record]:
    """List the deployments of a group, the newest first."""
    found = [_read(plain) for key, plain in cloud.store.documents.of_kind(_KIND) if key.startswith(f"{group.key}/")]
    return sorted(found, key=lambda record: record.started, reverse=True)


def save(cloud: Cloud, record: Record) -> None:
    """Write a deployment, new or changed."""
    cloud.store.documents.put(_KIND, record.rid.key, {**vars(record), "steps": [vars(step) for step in record.steps]})


def forget(cloud: Cloud, rid: ResourceId) -> None:
    """Remove the record of a deployment, or all of a group; the resources stay."""
    for key in [key for key, _ in cloud.store.documents.of_kind(_KIND) if f"{key}/".startswith(f"{rid.key}/")]:
        cloud.store.documents.remove(_KIND, key)


def _read(plain: dict[str, Any]) -> Record:
    return Record(**{**plain, "steps": [Step(**step) for step in plain["steps"]]})
