"""What a deployment is to declare: the spec, as it is spelled where it exists, and beside it what others have added."""

from dataclasses import dataclass
from functools import cache

from vmops.core.log import get_logger
from vmops.deploy import clashes, foreign_parts, spelling
from vmops.deploy.context import DeployContext
from vmops.deploy.survey import Preflight
from vmops.engine.reconcile import declared, subnets
from vmops.spec import names
from vmops.spec.foreign import ForeignParts
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Intent:
    """A spec, the roles that are another's and only used, and what others have added to the rest."""

    spec: VmSpec
    uses: frozenset[str]
    foreign: ForeignParts

    @property
    def kept(self) -> list[str]:
        """Name what is not ours and stays."""
        return foreign_parts.described(self.spec, self.foreign)


def form(site: DeployContext, spec: VmSpec, before: Preflight, *, known: bool) -> Intent:
    """Find out what to declare, from what was looked at and what ours is, too; nothing is changed.

    ``known``: the backend may know the stack. Its state is read only where ARM does not tell how something is spelled,
    or where something is there that is neither declared now nor ours by its name.

    Raises: OperationFailed (conflict), naming what others have added and leaves no room; CloudError if ARM refuses.
    """
    state = cache(site.stack.state if known else lambda: None)
    places = [spelling.in_arm(before.bodies(spec))]
    if not spelling.is_told(spec, places[0]):
        places.append(spelling.in_state(state()))
    spec = spelling.respelled(spec, *places)
    ours = {role: body for role, body in before.bodies(spec, ours=True).items() if role not in before.uses}
    foreign = foreign_parts.find(spec, ours, declared.OwnParts())
    if foreign:
        foreign = foreign_parts.find(spec, ours, declared.last(state()))
    clashes.refuse(site.arm, spec, foreign)
    uses = before.uses
    if "subnet" in uses and subnets.is_ours(state(), names.urn_key(spec.ids()["subnet"])):
        uses -= {"subnet"}
    made = Intent(spec, uses, foreign)
    if made.kept:
        get_logger().info("not_ours", kept=made.kept)
    return made
