"""One run of an experiment: the VMs that it has requested, and which of them are left.

mlos_bench may create a service several times in a process, so the requests are kept for the process. Their outcome is
in the records.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vmops.jobs.operation import Operation, State, Verb
from vmops.protocol import Params

_asked_for: defaultdict[tuple[Path, str], set[str]] = defaultdict(set)


class Run:
    """The run of an experiment in this process. All instances for the same experiment share it."""

    def __init__(self, state_dir: Path, experiment: str) -> None:
        self._stacks = _asked_for[state_dir, experiment]

    def add(self, stack: str) -> None:
        """Note that a stack belongs to this run, before its VM is requested."""
        self._stacks.add(stack)

    def remaining_vms(self, newest: Iterable[Operation]) -> list[Params]:
        """Give the parameters of each VM that is neither gone nor being removed, by the newest operations."""
        return [each.identity.params for each in newest if each.stack in self._stacks and not _is_removed(each)]


def _is_removed(newest: Operation) -> bool:
    return newest.verb is Verb.DEPROVISION and newest.state is not State.FAILED
