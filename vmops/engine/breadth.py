"""Limits the parallelism of an engine."""

import asyncio

from vmops.core import polling

_PER_VM, _MAX_PARALLEL = 3, 128
_FIRST, _PER_SECOND = 16, 2.0
"""How many VMs are created at once, and how many in each second of Azure's time afterwards.

In its first seconds a VM with its own resources needs ten reads, later one in ten seconds. Source: the requests of a
fleet of 100 (``python -m tests.functional.stepped``); Azure documentation, request limits: 250 reads, and 25 a second.
"""


def at_once(machines: int) -> int | None:
    """Give how many resources the engine works on in parallel; None for one VM: the default, four for each processor.

    A VM has three resources of its own, and the engine only waits for Azure. Source: Pulumi, ``--parallel``.
    """
    return min(_PER_VM * machines, _MAX_PARALLEL) if machines > 1 else None


class CreationRate:
    """Limits the rate of new VMs, so that ARM does not throttle their reads; ``pace`` is the length of Azure's second.

    The provider retries a refused read only three times. If all VMs start at once, some fail because of that, and are
    made only after all others. Source: azure-native's settings of azcore's retries.
    """

    def __init__(self, pace: float) -> None:
        self._interval, self._first, self._queue = pace / _PER_SECOND, iter(range(_FIRST)), asyncio.Lock()

    async def __call__(self) -> None:
        """Wait until the next VM may start."""
        if next(self._first, None) is not None or not self._interval:
            return
        async with self._queue:
            await asyncio.to_thread(polling.pause, self._interval)
