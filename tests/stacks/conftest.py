"""What all tests of programs need."""

import asyncio

import pytest

LOOP = asyncio.new_event_loop()


@pytest.fixture(autouse=True)
def _event_loop() -> None:
    """Let programs run in one event loop, whichever other tests have left none."""
    asyncio.set_event_loop(LOOP)
