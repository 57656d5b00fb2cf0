"""The parallelism of an engine."""

import asyncio

from vmops.core import polling

_OF_A_MACHINE, _MOST = 3, 128
_FIRST, _A_SECOND = 16, 2.0
"""How many VMs begin at once, and how many in each second of Azure's afterwards.

In its first seconds a VM with its own resources takes ten reads, later one in ten seconds. Source: the requests of a
fleet of 100 (``python -m tests.functional.stepped``); Azure documentation, request limits: 250 reads, and 25 a second.
"""


def at_once(machines: int) -> int | None:
    """Give how many resources an engine works on in parallel; None for one VM: the default, four for each processor.

    A machine has three resources of its own, and only waits for Azure. Source: Pulumi, ``--parallel``.
    """
    return min(_OF_A_MACHINE * machines, _MOST) if machines > 1 else None


class Turns:
    """Lets new VMs begin as fast as ARM answers all their reads; ``pace`` is the length of one of Azure's seconds.

    The provider retries a refused read three times only: if all VMs begin at once, resources fail for it, and are made
    only after all others. Source: azure-native's settings of azcore's retries.
    """

    def __init__(self, pace: float) -> None:
        self._interval, self._first, self._queue = pace / _A_SECOND, iter(range(_FIRST)), asyncio.Lock()

    async def __call__(self) -> None:
        """Wait until the next VM may begin."""
        if next(self._first, None) is not None or not self._interval:
            return
        async with self._queue:
            await asyncio.to_thread(polling.pause, self._interval)
