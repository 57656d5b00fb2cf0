"""Containers: limited memory, and the image of the recipe as far as namespaces can imitate it; for root."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.places.ground import BARE, CHECKOUT, Failed, expect, run, wheel
from vmops.engine.install import locate

MEGABYTES = 512
PAGE = CHECKOUT / "docs/containers.md"
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib64", "etc", "dev", str(Path(BARE).parents[1]).lstrip("/"))

_CROWD = """
from vmops import Status, VMOps
ops = VMOps()
names = [{"vmName": f"exp{number}", "deployTimeout": 600, "pollTimeout": 600} for number in range(8)]
for begin, is_setup in ((ops.vm_provision, True), (ops.vm_deprovision, False)):
    for params in names:
        assert begin(params)[0] is Status.PENDING, ops.last_failure(params)
    for params in names:
        print(is_setup, ops.wait_vm_deployment(is_setup, params)[0].name, ops.last_failure(params), flush=True)
"""


def memory(place: Path) -> None:
    """Make eight VMs at once in a control group of 512 MB, and remove them: nothing is killed."""
    with _group(MEGABYTES) as group:
        said = run(_within(group, [sys.executable, "-c", _CROWD]), place)
        peaks = [int((group / name).read_text()) >> 20 for name in _PEAKS if (group / name).exists()]
    if said.count("SUCCEEDED") != 16:
        raise Failed(said)
    print(f"memory: at most {peaks} MB of {MEGABYTES} MB, with what is cached", flush=True)


def recipe(place: Path) -> None:
    """Run the steps of the recipe in a new root directory, and the demo there as its user would."""
    image, command = _Image(place / "root"), _podman(PAGE.read_text())
    image.build((CHECKOUT / command.built_from / "Containerfile").read_text())
    with _group(command.megabytes) as group:
        started = image.started(command.user, command.arguments)
        said = run(_within(group, ["unshare", "--mount", "--pid", "--fork", "sh", "-euc", started]), place)
    expect(said, "The local Azure now holds nothing.")


class _Podman(NamedTuple):
    """The podman commands of the docs."""

    built_from: str
    user: str
    megabytes: int
    arguments: str


def _podman(page: str) -> _Podman:
    """Read the two commands of the docs; options that this test relies on must be among theirs."""
    build, start = re.findall(r"^\$ podman (.*)$", page, re.MULTILINE)
    words = argparse.ArgumentParser()
    for flag in ("--init", "--rm", "--read-only"):
        words.add_argument(flag, action="store_true", required=True)
    words.add_argument("--memory", type=lambda size: int(size.removesuffix("m")), required=True)
    words.add_argument("--user", required=True)
    words.add_argument("--tmpfs", choices=["/state:mode=1777"], required=True)
    told, (_, *arguments) = words.parse_known_args(start.split()[1:])
    return _Podman(build.split()[-1], told.user, told.memory, shlex.join(arguments))


@dataclass
class _Image:
    """A root directory in which the steps of a recipe run; this host's system replaces the base image.

    The engine is this host's, because its installation takes long without the internet.
    """

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    entry: str = ""

    def build(self, text: str) -> None:
        """Run the steps; the stages share their root, so nothing is copied between them."""
        self._lay_engine()
        for word, rest in re.findall(r"^([A-Z]+) (.*)$", text, re.MULTILINE):
            match word:
                case "RUN" if "apt-get" not in rest:
                    self._run(rest)
                case "ENV":
                    name, _, value = rest.partition("=")
                    self.variables[name] = value
                case "ENTRYPOINT":
                    self.entry = shlex.join(re.findall(r'"([^"]+)"', rest))

    def started(self, user: str, arguments: str) -> str:
        """Give the shell that starts the image: its root read-only, as a user without an account."""
        told = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.variables.items())
        as_user = f"setpriv --reuid={user} --regid={user} --clear-groups"
        inside = f"exec env -i {told} {as_user} {self.entry} {arguments}"
        return self._mounts() + (
            f"mount -t tmpfs -o mode=1777 state {self.root}/state; mount -t proc proc {self.root}/proc; "
            f"mount -o remount,bind,ro {self.root}; exec chroot {self.root} sh -c {shlex.quote(inside)}"
        )

    def _run(self, step: str) -> None:
        told = {
            **self.variables,
            "VMOPS": "/wheel/" + Path(wheel()).name,
            "PATH": f"{Path(BARE).parent}:{os.environ['PATH']}",
        }
        shutil.copy(wheel(), self.root / "wheel")
        inside = self._mounts() + f"exec chroot {self.root} sh -euc {shlex.quote(step)}"
        run(["unshare", "--mount", "sh", "-euc", inside], self.root, **told)

    def _lay_engine(self) -> None:
        for name in ("proc", "dev", "wheel", "tmp"):
            (self.root / name).mkdir(parents=True)
        ours = self.root / "opt/cache/vmops/engine" / locate.ENGINE_VERSION / "bin"
        ours.mkdir(parents=True)
        shutil.copy(locate.path(), ours)

    def _mounts(self) -> str:
        """Mount what the base image would have: a system, a Python, and devices."""
        system = [each for each in _SYSTEM if Path("/", each).exists()]
        for each in system:
            (self.root / each).mkdir(parents=True, exist_ok=True)
        binds = "".join(f"mount --rbind /{each} {self.root}/{each}; " for each in system)
        return f"mount --bind {self.root} {self.root}; {binds}"


_PEAKS = ("memory.max_usage_in_bytes", "memory.peak")


@contextmanager
def _group(megabytes: int) -> Iterator[Path]:
    """Give a control group with so much memory, of either version; its processes are ended afterwards."""
    v1, v2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    group = (v1 if v1.exists() else v2) / f"vmops-place-{os.getpid()}"
    group.mkdir()
    most = group / ("memory.limit_in_bytes" if v1.exists() else "memory.max")
    most.write_text(str(megabytes << 20))
    try:
        yield group
    finally:
        while left := (group / "cgroup.procs").read_text().split():
            subprocess.run(["kill", "-9", *left], check=False)
        group.rmdir()


def _within(group: Path, command: list[str]) -> list[str]:
    """Give the command that runs another in a control group."""
    return ["sh", "-euc", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", *command]
