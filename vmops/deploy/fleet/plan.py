"""What a provision would change in a fleet, member by member."""

from collections.abc import Mapping
from typing import Any

from vmops.deploy import changes, drift, planned
from vmops.deploy.circumstances import Circumstances
from vmops.deploy.context import DeployContext
from vmops.deploy.fleet import roster
from vmops.deploy.fleet.steps import intents, update_of
from vmops.deploy.placed import by_inventory
from vmops.deploy.survey import Preflight
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec


def plan(context: DeployContext, spec: VmSpec) -> list[dict[str, Any]]:
    """Preview `steps.provision` in the form of `vmops.deploy.steps.plan`, including members that leave.

    Raises: as that.
    """
    before = roster.survey_members(context, spec, by_inventory)
    if not spec.lists:
        planned.refuse_size(context.arm, spec, before.shared)
    made = intents(context, before, known=True)
    pairs = [(part, was) for part, was in zip(made, before.before, strict=True)]
    differs = drift.distinct(each for part, was in pairs for each in drift.differences(part.spec, was))
    asked = drift.distinct(each for part, was in pairs for each in planned.beside_drift(part.spec, was, part.foreign))
    program = update_of(context, spec, made, before, Circumstances(expires=None)).declared
    steps = context.stack.preview(program, refresh=bool(differs) or len(before.machines) < len(made))
    vms = [*((part.spec, was) for part, was in pairs), *((each, before.shared) for each in before.leaving)]
    found = [_change(vms, step, [*differs, *asked]) for step in steps]
    return [*found, *changes.kept(dict.fromkeys(each for part in made for each in part.kept))]


def _change(vms: list[tuple[VmSpec, Preflight]], step: Mapping[str, str], differs: list[drift.Drift]) -> changes.Change:
    """Describe one step of the engine for its member; shared resources count as the first member's."""
    of = [each for each in vms if step["resource"] in map(names.in_words, each[0].ids().values())]
    spec, was = next(iter(of), vms[0])
    return changes.of_plan(spec, [step], differs, was.ours(spec))[0]
