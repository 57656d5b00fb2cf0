"""Removes guests that are no longer wanted: kills them, and deletes their directories once they are dead."""

import os

from vmops.local.guests import namespaces
from vmops.local.guests.guest import Guest

_GONE = ".gone-"
"""The prefix of a guest's directory while it is deleted."""


class Removals:
    """The guests that are being removed, below the directory that a descriptor stands for."""

    def __init__(self, guests: int) -> None:
        self._directory = guests
        self._dying: dict[str, Guest] = {}
        for left in os.listdir(guests):
            if left.startswith(_GONE):
                self._delete(left)

    @property
    def names(self) -> set[str]:
        """Name the guests that are not dead yet."""
        return set(self._dying)

    @property
    def busy(self) -> bool:
        """Tell whether a removal is in progress."""
        return bool(self._dying)

    def begin(self, vm_id: str, guest: Guest) -> None:
        """Kill a guest, and mark it for deletion."""
        guest.end()
        self._dying[vm_id] = guest
        self.step()

    def step(self) -> None:
        """Start to delete the directories of dead guests."""
        for vm_id, guest in [each for each in self._dying.items() if not each[1].handle.lives]:
            guest.close()
            gone = f"{_GONE}{vm_id}"
            os.rename(vm_id, gone, src_dir_fd=self._directory, dst_dir_fd=self._directory)
            del self._dying[vm_id]
            self._delete(gone)

    def _delete(self, name: str) -> None:
        namespaces.delete(self._directory, name)
