"""Repairing what of a VM was changed or taken away, and telling so.

An engine compares what is declared with what was, and sends nothing where only the world has changed. So it reads all
anew before it repairs something.
"""

from collections.abc import Sequence

from vmops.core.log import get_logger
from vmops.deploy import drift, survey
from vmops.deploy.context import DeployContext
from vmops.deploy.drift import Drift, differences
from vmops.deploy.survey import Preflight
from vmops.spec.vm_spec import VmSpec


def due(spec: VmSpec, before: Preflight, changed: Sequence[str] | None) -> list[Drift]:
    """Name what is to be repaired; what the ``changed`` parameters ask for anew is written in any case.

    Nothing is while something has failed: the engine makes that good first.
    """
    found = [each for each in differences(spec, before) if each.parameter not in (changed or ())]
    return found if found and drift.is_settled(before.bodies(spec, ours=True)) else []


def told(site: DeployContext, spec: VmSpec, repairs: Sequence[Drift]) -> dict[str, list[str]]:
    """Look whether what was repaired stays so, and tell of it: something (a policy) may change it again at once."""
    if not repairs:
        return {}
    after = {str(each) for each in differences(spec, survey.preflight(site.arm, spec, site.claim(spec)))}
    done = [f"{each}: repaired" for each in repairs if str(each) not in after]
    back = [str(each) for each in repairs if str(each) in after]
    get_logger().warning("drift", repaired=done, returned=back)
    return {name: found for name, found in (("repaired", done), ("returned", back)) if found}
