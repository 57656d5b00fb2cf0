"""Programs that hold a VM through one of the interfaces and end in different ways; and expired VMs."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.azure import Azure
from vmops import VMOps
from vmops.azure.client import Arm
from vmops.azure.clouds import connect
from vmops.core.times import format_utc
from vmops.jobs.store import Store
from vmops.leases.sweep import Outcome, sweep
from vmops.spec.names import EXPIRES_TAG

WAITS = "sys.stdin.read()"
ENDINGS = {
    "exception": "raise ValueError('broken')",
    "exit": "sys.exit(3)",
    "sigint": WAITS,
    "sigterm": WAITS,
    "sigkill": WAITS,
}
"""What a program does inside its block; those named after a signal wait for it."""

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
DOCS = Path(__file__).parents[2] / "docs"
CLI = [sys.executable, "-c", "from vmops.cli import main; main()"]


def blocks(page: str, language: str) -> list[str]:
    """Give the blocks of a language in a page of the docs."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def python(program: str) -> list[str]:
    """Give the command that runs a Python program."""
    return [sys.executable, "-c", program]


def start(command: Sequence[str], *, cwd: Path | None = None) -> "subprocess.Popen[str]":
    """Start a program without a terminal; its standard input stays open and empty."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=cwd, start_new_session=True)


def hear(process: "subprocess.Popen[str]", word: str) -> None:
    """Read a program's output until it prints a word."""
    assert process.stdout is not None
    heard = []
    for line in process.stdout:
        heard.append(line)
        if word in line:
            return
    raise AssertionError(f"it ended without {word!r}: {heard}, {process.communicate()[1]}")


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Wait for a program, and give its exit code and standard error."""
    process.wait(timeout=280)
    return process.returncode, process.communicate()[1]


def end_all(commands: Mapping[str, Sequence[str]], *, cwd: Path | None = None) -> dict[str, int]:
    """Run a program for each ending, at the same time.

    End each when it prints ``inside``, and give their exit codes.
    """
    with ExitStack() as running:
        processes = {ending: running.enter_context(start(commands[ending], cwd=cwd)) for ending in commands}
        for ending, process in processes.items():
            hear(process, "inside")
            if ending.startswith("sig"):
                process.send_signal(signal.Signals[ending.upper()])
        return {ending: ended(process)[0] for ending, process in processes.items()}


def names(azure: Azure) -> list[str]:
    """Name the VMs that exist."""
    return sorted(each["name"] for each in azure.resources() if each["type"].lower().endswith("virtualmachines"))


def sweep_what_was_killed(ops: VMOps, azure: Azure) -> None:
    """Check that only the killed program's VM is left, and that it is swept once it has expired."""
    (name,) = names(azure)
    assert "sigkill" in name
    outlive(ops)
    found = sweep(ops)
    assert [(each.lifetime.identity.vm_name, each.outcome) for each in found.swept] == [(name, Outcome.REMOVED)]
    assert azure.resources() == []


def outlive(ops: VMOps, minutes: float = 6) -> None:
    """Let every VM have expired so long ago, by its tag and its record."""
    store, arm = Store(ops.settings.state_dir), arm_of(ops)
    expires = time.time() - minutes * 60
    for made in store.live_provisions():
        store.extend(made.id, expires)
    for vm in arm.tagged(SUBSCRIPTION, EXPIRES_TAG):
        retag(ops, vm["id"], EXPIRES_TAG, format_utc(expires))


def arm_of(ops: VMOps) -> Arm:
    """Connect to the local Azure of a VMOps, as somebody else would."""
    return Arm(connect("local", ops.settings.state_dir), timeout=60)


def retag(ops: VMOps, arm_id: str, name: str, value: str) -> None:
    """Give a resource a tag."""
    arm_of(ops).merge_tags(arm_id, {name: value})
