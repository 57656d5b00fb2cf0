"""Repairs drift, and reports it.

The engine compares declarations with its state, and sends nothing if only Azure's resources have changed. So it must
refresh before a repair.
"""

from collections.abc import Sequence

from vmops.core.log import get_logger
from vmops.deploy import drift, survey
from vmops.deploy.context import DeployContext
from vmops.deploy.drift import Drift, differences
from vmops.deploy.survey import Preflight
from vmops.spec.vm_spec import VmSpec


def due(spec: VmSpec, before: Preflight, changed: Sequence[str] | None) -> list[Drift]:
    """List the drift to repair. Values of the ``changed`` parameters are not drift: the update writes them in any case.

    Nothing is repaired while a resource is in the state Failed: the engine makes that resource again first.
    """
    found = [each for each in differences(spec, before) if each.parameter not in (changed or ())]
    return found if found and drift.none_failed(before.bodies(spec, ours=True)) else []


def report(context: DeployContext, spec: VmSpec, repairs: Sequence[Drift]) -> dict[str, list[str]]:
    """Check which repairs lasted, and report them: a policy, for example, may undo one at once."""
    if not repairs:
        return {}
    after = {str(each) for each in differences(spec, survey.preflight(context.arm, spec, context.claim(spec)))}
    done = [f"{each}: repaired" for each in repairs if str(each) not in after]
    back = [str(each) for each in repairs if str(each) in after]
    get_logger().warning("drift", repaired=done, returned=back)
    return {name: found for name, found in (("repaired", done), ("returned", back)) if found}
