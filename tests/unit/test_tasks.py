"""Waits and cancellations of asyncio's tasks that are not lost."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from vmops.jobs.cluster.tasks import cancelled, until

LONGEST = 30.0


async def repeated(wait: Callable[[asyncio.Event], Awaitable[object]], told: asyncio.Event) -> None:
    """Wait again and again, as a chore does."""
    while True:
        await wait(asyncio.Event() if told.is_set() else told)


@pytest.mark.parametrize("turns", range(8))
def test_a_wait_never_swallows_a_cancellation(turns: int) -> None:
    """However many turns of the loop are between the event and the cancellation."""

    async def ends() -> bool:
        told = asyncio.Event()
        task = asyncio.create_task(repeated(lambda each: until(each, LONGEST), told))
        for _ in range(4):
            await asyncio.sleep(0)
        told.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=LONGEST)
        return task.cancelled()

    assert asyncio.run(ends())


def test_a_wait_ends_with_its_event_or_its_time() -> None:
    """Whichever is first."""

    async def waits() -> None:
        told = asyncio.Event()
        await until(told, 0.01)
        told.set()
        await asyncio.wait_for(until(told, 10 * LONGEST), LONGEST)

    asyncio.run(waits())


def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    """A library may do that. What failed before is reported."""

    async def stubborn() -> None:
        try:
            await asyncio.sleep(10 * LONGEST)
        except asyncio.CancelledError:
            await asyncio.sleep(10 * LONGEST)

    async def broken() -> None:
        raise ValueError("broken")

    async def ends() -> list[BaseException | None]:
        tasks = [asyncio.create_task(stubborn()), asyncio.create_task(broken())]
        for _ in range(3):
            await asyncio.sleep(0)
        return await asyncio.wait_for(cancelled(tasks), LONGEST)

    first, second = asyncio.run(ends())
    assert first is None
    assert isinstance(second, ValueError)
