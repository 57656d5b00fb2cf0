"""Fixtures for all tests of Pulumi programs."""

import asyncio

import pytest

LOOP = asyncio.new_event_loop()


@pytest.fixture(autouse=True)
def _event_loop() -> None:
    """Give programs an event loop, even if an earlier test has closed the default one."""
    asyncio.set_event_loop(LOOP)
