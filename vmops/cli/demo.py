"""The demo: one VM's whole life on a local Azure of its own, each step with its duration."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmops.cli import console
from vmops.core.settings import Settings
from vmops.core.signals import signals_as_exceptions, signals_deferred
from vmops.local import daemon, inspection
from vmops.ops.api import VMOps
from vmops.protocol import Answer, Params, Status

_NAME = "demo"
_SIZES = ("Standard_B2s", "Standard_D2s_v5")
_STEP_TIMEOUT = 900.0
"""Seconds that one step may take; at Azure's own pace, making a VM takes 91."""

_NOT_FROM_THE_SHELL = ("subscription", "location", "backend_url", "deploy_timeout", "request_timeout", "poll_interval")
"""Settings that the demo does not take from its environment: it uses only its own directory."""


class _Stopped(Exception):
    """A step did not succeed; the reason was printed."""


@dataclass(frozen=True)
class Life:
    """The steps of a VM's life so far; with ``quiet`` only the JSON at the end is printed."""

    ops: VMOps
    quiet: bool
    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(self, title: str, verb: Callable[[Params], Answer], size: str = _SIZES[0]) -> dict[str, Any]:
        """Call a verb, wait for its end, and show how long both took.

        Returns: the result of the wait; ``{}`` if the verb was done at once.

        Raises: _Stopped if it does not succeed.
        """
        params: Params = {"vmName": _NAME, "vmSize": size}
        begun = time.monotonic()
        called, result = verb(params)
        returned, status = time.monotonic() - begun, called
        if called is Status.PENDING:
            with console.doing(title):
                status, result = self.ops.wait_vm_operation(params)
        seconds = time.monotonic() - begun
        self.steps.append({"step": title, "status": status.name, "seconds": round(seconds, 3), "result": result})
        answers = f"{called.name} in {returned * 1000:.0f} ms" + (f", then {status.name}" if status != called else "")
        self.say(f"[bold]{title:<36}[/] {seconds:6.2f} s  [dim]{answers}[/]")
        if status is not Status.SUCCEEDED:
            raise _Stopped
        return result

    def say(self, line: str) -> None:
        """Show one line."""
        if not self.quiet:
            console.out.print(line)


def run(pace: float, *, as_json: bool) -> bool:
    """Run all steps, and tell whether each succeeded and nothing is left.

    ``pace`` is the fraction of Azure's own time that operations take; 0 is at once. Afterwards, also after a failure,
    running processes are ended, and the local Azure and its directory are removed.
    """
    with _own_azure(pace) as settings:
        life, left = Life(VMOps(settings), as_json), None
        life.say(f"A VM's life on a local Azure at pace {pace:g}, where 1 is as long as on Azure and 0 is at once.\n")
        try:
            _live(life)
            left = [each["id"] for each in inspection.listed(settings.state_dir, "resources")]
            life.say(f"\nThe local Azure now holds {', '.join(left) or 'nothing'}.")
        except _Stopped:
            pass
    if as_json:
        console.print_json({"steps": life.steps, "left": left})
    return left == []


def _live(life: Life) -> None:
    made = life.step("provision", life.ops.vm_provision)
    for name in ("id", "privateIp", "publicIp", "ssh"):
        life.say(f"  [dim]{name:<9}[/] {made[name]}")
    life.step("stop", life.ops.vm_stop)
    life.step("start", life.ops.vm_start)
    life.step("restart", life.ops.vm_restart)
    life.step("provision again, nothing changed", life.ops.vm_provision)
    before = _machine_id(life.ops.settings)
    life.step(f"provision as {_SIZES[1]}", life.ops.vm_provision, _SIZES[1])
    same = _machine_id(life.ops.settings) == before
    life.say(f"  [dim]{'updated in place: it is the same VM' if same else 'replaced by another VM'}[/]")
    life.step("deprovision", life.ops.vm_deprovision)


def _machine_id(settings: Settings) -> str:
    """Give Azure's own id of the VM; a replaced VM has a new one."""
    found = inspection.listed(settings.state_dir, "resources")
    return next(str(each["properties"]["vmId"]) for each in found if each["type"].endswith("/virtualMachines"))


@contextmanager
def _own_azure(pace: float) -> Iterator[Settings]:
    """Start a local Azure in a directory of the demo's own, and remove both at the end."""
    own: dict[str, Any] = dict.fromkeys(_NOT_FROM_THE_SHELL)
    with signals_as_exceptions:
        directory = Path(tempfile.mkdtemp(prefix="vmops-demo-"))
        settings = Settings(state_dir=directory, cloud="local", poll_timeout=_STEP_TIMEOUT, **own)
        try:
            daemon.ensure(directory, pace)
            yield settings
        except (KeyboardInterrupt, SystemExit):
            console.note("interrupted: what the demo made is being removed")
            raise
        finally:
            _remove(settings)


def _remove(settings: Settings) -> None:
    """End the processes of the demo's directory, and delete it. Signals are deferred meanwhile."""
    with signals_deferred():
        VMOps(settings).cancel({"vmName": _NAME})
        daemon.stop(settings.state_dir)
        shutil.rmtree(settings.state_dir)
