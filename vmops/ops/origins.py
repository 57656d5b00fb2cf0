"""What VMs were really made from: for a lock file, and for the results of a trial."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vmops.azure import machines, ownership
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store
from vmops.ops import made_from
from vmops.ops.prices import Prices
from vmops.ops.reading import reading
from vmops.ops.remembered import Remembered
from vmops.spec import fleet
from vmops.spec.lock_file import Made
from vmops.spec.target import Target, WaitOptions
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.azure.client import Arm
    from vmops.ops.deployments import Deployments


@dataclass(frozen=True)
class _Origin:
    """The last request, its custom data, and what each existing VM was made from.

    ``made`` is keyed by the number of the member; a single VM has the key ''. ``running`` counts the VMs that run.
    """

    spec: VmSpec
    last: Operation
    custom_data: str | None
    made: Mapping[str, Made]
    running: int = field(default=1)


@dataclass(frozen=True)
class Origins:
    """What the VMs of one state directory were made from. Nothing here changes a VM."""

    settings: Settings
    store: Store
    arm: "Callable[[WaitOptions], Arm]"
    deployments: "Deployments"

    def lock_file(self, target: Target) -> dict[str, Any]:
        """Give the content of a lock file of a VM, or of a fleet whose VMs were all made from the same inputs.

        Raises: OperationFailed (not_found) if no VM of ours exists, or no request is recorded, (invalid) if the VMs of
        a fleet differ; CloudError; EngineMissing if the custom data is only in the engine's state.
        """
        found = self._find(target)
        _refuse_unlike(found, target)
        return made_from.locked(next(iter(found.made.values())), found.spec, found.last, found.custom_data)

    def metrics(self, target: Target) -> dict[str, str]:
        """Give the metrics of a trial's VM, or of the VMs of its fleet.

        If the VMs of a fleet differ in a value, each has its own, with its number in the name: ``vmops_zone_0``.

        Raises: as `lock_file`, but never (invalid).
        """
        found = self._find(target)
        alike: dict[str, dict[str, str]] = {}
        rows = {number: self._row(target, found, made, alike) for number, made in found.made.items()}
        return made_from.joined(rows) | ({} if "" in rows else {"vmops_ready": str(found.running)})

    def _row(self, target: Target, found: _Origin, made: Made, alike: dict[str, dict[str, str]]) -> dict[str, str]:
        """Give the metrics of one VM; for VMs made from the same inputs they are computed once."""
        key = made.model_dump_json()
        if key not in alike:
            price = Prices(self.settings.state_dir).price(target.cloud, made.location, made.vm_size, made.priority)
            per_hour = price.per_hour if price else None
            alike[key] = made_from.metrics(made, found.last, found.custom_data, per_hour)
        return alike[key]

    def _find(self, target: Target) -> _Origin:
        remembered = Remembered(self.settings, self.store)
        last, spec = remembered.last(target), remembered.asked_last(target)
        whole_fleet = spec.vm_count is not None and target.member is None
        found = machines.members(self.arm(target), target.identity) if whole_fleet else ()
        there = [each.resource for each in found] if whole_fleet else [self.arm(target).get(target.vm_id)]
        claim = self.deployments.claim(target)
        ours = [each for each in there if each and ownership.is_ours(each, claim)]
        if not ours:
            raise OperationFailed(Failure(FailureKind.NOT_FOUND, "there is no such VM of ours", resource=target.vm_id))
        made = {}
        for each in ours:
            number = target.identity.member(each["id"])
            vm = spec if number is None or spec.vm_count is None else fleet.members(spec, [number])[0]
            made[str(number) if whole_fleet else ""] = made_from.made(each, vm)
        return _Origin(spec, last, self._custom_data(spec, last), made, sum(each.running for each in found))

    def _custom_data(self, spec: VmSpec, last: Operation) -> str | None:
        """Give the custom data with which a VM was made; None if it has none."""
        from vmops.deploy import secrets

        if spec.custom_data or "customData" not in last.secrets:
            return spec.custom_data.get_secret_value() if spec.custom_data else None
        with reading(self.settings, self.store, spec) as site:
            return secrets.of_state(site.stack.state(secrets=True)).get("customData")


def _refuse_unlike(found: _Origin, target: Target) -> None:
    """Check that all VMs were made from the same inputs. Raises: OperationFailed (invalid)."""
    inputs = {number: json.loads(made.model_dump_json(by_alias=True)) for number, made in found.made.items()}
    first, *others = inputs.items()
    for number, made in others:
        name = next((name for name in made if made[name] != first[1][name]), "")
        if name:
            values = f"{target.vm_name}-{first[0]} has {first[1][name]}, {target.vm_name}-{number} {made[name]}"
            message = f"its VMs differ in {name}: {values}; a lock file has one value for all VMs of a fleet"
            step = f"`vmops show {target.vm_name} --params` shows the request, with its lists"
            raise OperationFailed(Failure(FailureKind.INVALID, message, resource=target.vm_id, step=step))
