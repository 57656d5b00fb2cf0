"""In whose name a verb acts on a VM, with what this host remembers of what was made for it."""

from dataclasses import dataclass

from vmops.azure.ownership import Claim
from vmops.jobs.store import Store
from vmops.spec.target import Target


@dataclass(frozen=True)
class Claims:
    """The claims of one owner, by the records of one state directory."""

    store: Store
    owner: str

    def __call__(self, target: Target) -> Claim:
        """Give the claim on a VM."""
        made = self.store.made(target.stack, self.owner)
        return Claim(target.identity, self.owner, made.known())
