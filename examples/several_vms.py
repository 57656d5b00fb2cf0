"""Compare sizes of VM at the same time, one VM for each: `python several_vms.py`."""

import asyncio

import vmops

SIZES = {"small": "Standard_D2s_v5", "large": "Standard_D4s_v5"}


async def measure(label: str, size: str) -> str:
    """Make a VM of a size, measure on it, and remove it."""
    async with vmops.machine({"vmName": f"compare-{label}", "vmSize": size, "ttl": "2h"}) as vm:
        power = await asyncio.to_thread(vm.refresh)  # your measurement comes here
        return f"{label}: {size} is {power}"


async def compare() -> None:
    """Measure on all of them. If one fails, the others are cancelled, and their VMs are removed too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(measure(label, size)) for label, size in SIZES.items()]
    for task in tasks:
        print(task.result())


asyncio.run(compare())
