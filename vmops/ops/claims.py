"""The claim with which a verb acts on a VM: an owner, and what this host has recorded as made."""

from contextlib import suppress
from dataclasses import dataclass

from vmops.azure.ownership import Claim
from vmops.core.errors import RecordsUnusable
from vmops.jobs.store import Store
from vmops.spec.target import Target


@dataclass(frozen=True)
class Claims:
    """The claims of one owner, from the records of one state directory."""

    store: Store
    owner: str

    def __call__(self, target: Target) -> Claim:
        """Give the claim on a VM. If the records cannot be read, it rests on tags and names only."""
        known: dict[str, str] = {}
        with suppress(RecordsUnusable):
            known = self.store.made(target.stack, self.owner).known()
        return Claim(target.identity, self.owner, known)
