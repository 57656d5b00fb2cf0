"""The end of asyncio's tasks: waits and cancellations that are not lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

_CANCEL_INTERVAL = 0.5
"""Seconds between two cancellations of a task that does not end."""


async def cancelled(tasks: Sequence[asyncio.Task[Any]]) -> list[BaseException | None]:
    """Cancel tasks until all have ended, and give the exception of each; None for one that was cancelled.

    One cancellation is not enough: `asyncio.wait_for`, which libraries use, may swallow it. Source: Python issue 37658,
    mended in Python 3.12.
    """
    while running := [each for each in tasks if not each.done()]:
        for each in running:
            each.cancel()
        await asyncio.wait(running, timeout=_CANCEL_INTERVAL)
    return [None if each.cancelled() else each.exception() for each in tasks]


async def until(told: asyncio.Event, seconds: float) -> None:
    """Wait for an event, for so many seconds at most. A cancellation is never swallowed, as `asyncio.wait_for` may."""
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait([waiting], timeout=seconds)
    finally:
        waiting.cancel()
