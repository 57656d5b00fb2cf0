"""The costs of the local Azure's guests on this machine: boots, logins, memory and reboots.

    python -m benchmarks.guests [GUESTS] [--json]

It controls the guests' process as the daemon does. Memory is the proportional set size of all its processes: pages that
they share count once, and of pages that other programs share too (libraries), their part. Guests are idle some time
after their last connection. A login is a whole run of OpenSSH. Times are medians of ten unless a row says otherwise.
VMs are provisioned at a fiftieth of Azure's durations, in turn with and without guests.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil

from benchmarks.ours import Ours
from benchmarks.place import place
from tests.guests import Lab
from vmops.core.polling import NotYet, poll_until

ROUNDS, PROVISIONS, LONG, PACE = 10, 5, 120.0, 0.02
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def seconds(work: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def memory(lab: Lab) -> float:
    """Give the memory of all processes of the guests, in MB."""
    process, taken = psutil.Process(lab.process.pid), 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            taken += each.memory_full_info().pss
    return taken / 1e6


def idle(lab: Lab) -> None:
    """Wait until the processes that serve SSH have ended."""
    if poll_until(lambda: len(lab.beside()) == 1 or NotYet(0.1), timeout=LONG) is None:
        sys.exit("somebody still lets people in")


def reboot(lab: Lab, port: int) -> None:
    """Reboot a guest from inside, and wait until its next boot answers."""
    last = lab.said(port, BOOT_ID)
    lab.ssh(port, "sudo reboot")

    def look() -> bool | NotYet:
        ran = lab.ssh(port, BOOT_ID)
        return (ran.returncode == 0 and ran.stdout.decode().strip() != last) or NotYet(0.01)

    if poll_until(look, timeout=LONG) is None:
        sys.exit("a guest does not boot again")


def at_once(lab: Lab, ports: list[int]) -> None:
    """Log in to all guests at once."""
    lines = [["ssh", *lab.options(port), "mlos@127.0.0.1", "true"] for port in ports]
    for login in [subprocess.Popen(line, stdin=subprocess.DEVNULL) for line in lines]:
        if login.wait(LONG):
            sys.exit("a guest cannot be logged in to")


def provisioned() -> dict[str, float]:
    """Provision a VM with a guest and one without, in turn, after a warm-up round of both."""
    with place(PACE, "namespaces") as inside, place(PACE, "none") as bare:
        peers = {"with": Ours(inside), "without": Ours(bare)}
        took: dict[str, list[float]] = {name: [] for name in peers}
        for number in range(PROVISIONS + 1):
            for name, ours in peers.items():
                took[name].append(seconds(lambda ours=ours, vm=f"exp{number}": ours.up(vm)))  # type: ignore[misc]
                ours.down(f"exp{number}")
    ratio = median(inside / bare for inside, bare in zip(took["with"][1:], took["without"][1:], strict=True))
    return {f"provision {name} guests, s": median(each[1:]) for name, each in took.items()} | {
        "provision with, as against without": ratio
    }


def measured(lab: Lab, count: int) -> dict[str, float]:
    """Measure all rows, one after the other."""
    empty = memory(lab)
    first = [seconds(lambda name=f"first-{each}": lab.up(name)) for each in range(ROUNDS)]  # type: ignore[misc]
    again = [seconds(lambda: lab.up("first-0", boot=lab.guest("first-0").boot + 1)) for _ in range(ROUNDS)]
    port = lab.up("first-0").port
    login = [seconds(lambda: lab.said(port, "true")) for _ in range(ROUNDS)]
    rebooted = [seconds(lambda: reboot(lab, port)) for _ in range(ROUNDS)]

    def log_in_as_soon_as_it_runs() -> None:
        begun = lab.guest("first-0", boot=lab.guest("first-0").boot + 1)
        lab.until(lambda seen: seen.boot == begun.boot and seen.state == "up", begun)
        lab.said(port, "true")

    running = [seconds(log_in_as_soon_as_it_runs) for _ in range(ROUNDS)]
    ports = [lab.up(f"first-{each}").port for each in range(count)]
    busy, at_once_took = memory(lab), seconds(lambda: at_once(lab, ports))
    idle(lab)
    rested = memory(lab)
    return {
        "first boot, s": median(first),
        "stop and boot, s": median(again),
        "login, s": median(login),
        "stop, boot and login, s": median(running),
        "reboot from inside to the next answer, s": median(rebooted),
        "first login after nobody came, s": seconds(lambda: lab.said(port, "true")),
        f"{count} logins at once, s": at_once_took,
        "no guest, but somebody who lets people in, MB": empty,
        f"{count} guests, and the same, MB": busy,
        f"{count} idle guests, MB": rested,
    }


def main() -> None:
    """Print them."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    with tempfile.TemporaryDirectory() as directory:
        lab = Lab(Path(directory) / "state")
        try:
            lab.start("vmops.local.guests.process")
            measures = measured(lab, int(words[0]) if words else 24)
        finally:
            lab.close()
    found = {name: round(value, 3) for name, value in (measures | provisioned()).items()}
    if "--json" in sys.argv:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:<46}{value:>8.2f}")


if __name__ == "__main__":
    main()
