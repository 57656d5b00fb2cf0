"""The parallelism of an engine, and the rate at which new VMs are created."""

import asyncio

import pytest

from vmops.core import polling
from vmops.engine import breadth


@pytest.mark.parametrize(("machines", "most"), [(1, None), (2, 6), (42, 126), (100, 128)])
def test_parallelism_covers_a_fleet_up_to_a_limit(machines: int, most: int | None) -> None:
    """One VM has the engine's default."""
    assert breadth.at_once(machines) == most


@pytest.mark.parametrize(("pace", "pauses"), [(1.0, [0.5] * 4), (0.1, [0.05] * 4), (0.0, [])])
def test_new_vms_are_created_at_a_limited_rate(
    monkeypatch: pytest.MonkeyPatch, pace: float, pauses: list[float]
) -> None:
    """After the first ones two per second of Azure's time; with pace 0 there is no delay."""
    waited: list[float] = []
    monkeypatch.setattr(polling, "pause", waited.append)

    async def all_begin() -> None:
        turn = breadth.CreationRate(pace)
        await asyncio.gather(*(turn() for _ in range(16)))
        assert waited == []
        await asyncio.gather(*(turn() for _ in range(4)))

    asyncio.run(all_begin())
    assert waited == pauses
