"""One run of an experiment: which VMs it has asked for, and which of them are left.

mlos_bench may build a service several times in a process, so what was asked for is the process's. What became of it is
in the records.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vmops.jobs.operation import Operation, State, Verb
from vmops.protocol import Params

_asked_for: defaultdict[tuple[Path, str], set[str]] = defaultdict(set)


class Run:
    """The run of an experiment in this process; all that are made for the same experiment are one."""

    def __init__(self, state_dir: Path, experiment: str) -> None:
        self._stacks = _asked_for[state_dir, experiment]

    def asks_for(self, stack: str) -> None:
        """Remember, before it is asked for, that a stack is one of this run's."""
        self._stacks.add(stack)

    def left(self, newest: Iterable[Operation]) -> list[Params]:
        """Give the parameters that name each VM which the newest deployments do not show to be gone, or going."""
        return [each.identity.params for each in newest if each.stack in self._stacks and not _goes(each)]


def _goes(newest: Operation) -> bool:
    return newest.verb is Verb.DEPROVISION and newest.state is not State.FAILED
