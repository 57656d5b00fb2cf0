"""Writes a state directory of this code as text: a running VM, a half-made one, and an interrupted removal.

Run it in a checkout of the commit whose state is stored, with that checkout's interpreter; the argument is the
directory to write to. See README.md.
"""

import json
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.azure import kill_all
from vmops import Settings, Status, VMOps
from vmops.local import daemon, inspection

OWNER = "ada"
PARAMS: dict[str, dict[str, Any]] = {
    "running": {"vmName": "exp1", "vmPorts": [22, 8080], "dataDisks": [64], "tags": {"trial": "7"}},
    "half-made": {
        "vmName": "exp2",
        "authenticationType": "password",
        "adminPasswordOrKey": "Thr0wn-away",
        "customData": "#!/bin/sh",
    },
    "half-removed": {"vmName": "exp3", "resourceGroup": "lab", "publicIp": False},
}
CUT = {
    "half-made": {"method": "PUT", "path": "*/virtualMachines/*", "effect": {"do": "delay", "answer": True}},
    "half-removed": {"method": "DELETE", "nth": 2, "times": 10_000, "effect": {"do": "delay"}},
}
"""When worker and engine are killed: a VM was made without an answer; a VM was deleted, but its interface was not."""

KEPT = ("operations.db", "local/cloud.db", "local/endpoint.json", "keys", "stacks", "backend/.pulumi")
TOO_MUCH = ("backend/.pulumi/history", "backend/.pulumi/backups")
COPIES = (".bak", ".attrs")
"""The stored part of the state, and the omitted one: copies of readable files, and files that are made again."""

TRACES = ("sourcePosition", "stackTrace")
"""The position of a declaration in the source on this machine, which the engine only shows."""

NOBODY = (1 << 22) + 1
"""The id that replaces all process ids: no process has it. Source: proc(5), pid_max."""

FORGOTTEN = {
    "operations.db": f"UPDATE operations SET pid = {NOBODY}",
    "cloud.db": "UPDATE operation SET due = 0 WHERE ended IS NULL",
}
"""Values that are replaced, because they depend on the time of writing: a worker's process id, the end of a delete."""


def write(place: Path) -> None:
    """Make the state, stop all processes that use it, and write it as text."""
    with tempfile.TemporaryDirectory() as directory:
        state_dir = Path(directory).resolve() / "state"
        _make(state_dir)
        for path in filter(Path.is_file, sorted(state_dir.rglob("*"))):
            name = path.relative_to(state_dir)
            if _within(name, KEPT) and not _within(name, TOO_MUCH) and path.suffix not in COPIES:
                _write(path, place / "state" / name, str(state_dir))
    (place / "params.json").write_text(json.dumps(PARAMS, indent=1) + "\n")


def _make(state_dir: Path) -> None:
    daemon.ensure(state_dir, 0)
    ops = VMOps(Settings(state_dir=state_dir, owner=OWNER, worker_idle=0))
    for name in ("running", "half-removed"):
        ops.vm_provision(params := dict(PARAMS[name]))
        assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    for name, verb in (("half-made", ops.vm_provision), ("half-removed", ops.vm_deprovision)):
        inspection.ask(state_dir, "PUT", "faults", [CUT[name]])
        assert verb(dict(PARAMS[name]))[0] is Status.PENDING
        while not inspection.ask(state_dir, "GET", "kept"):
            pass
        kill_all(state_dir)
        inspection.ask(state_dir, "PUT", "faults", [])
    daemon.stop(state_dir)


def _within(name: Path, places: tuple[str, ...]) -> bool:
    return any(name.is_relative_to(place) for place in places)


def _write(path: Path, copy: Path, state_dir: str) -> None:
    """Write a file as text, without this machine's name and process ids."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".db":
        copy, text = copy.with_suffix(".sql"), "\n".join(_dump(path)) + "\n"
    elif path.suffix == ".json":
        text = json.dumps(json.loads(path.read_text(), object_hook=_plain), separators=(",", ":")) + "\n"
    elif path.parts[-2:] == ("keys", "digest"):
        copy, text = copy.with_suffix(".hex"), path.read_bytes().hex() + "\n"
    else:
        text = path.read_text()
    for quote in "\"'":
        text = text.replace(f"{quote}{socket.gethostname()}{quote}", f"{quote}@HOST@{quote}")
    assert state_dir not in text
    copy.write_text(text)


def _plain(read: dict[str, Any]) -> dict[str, Any]:
    return {
        name: NOBODY if name in {"pid", "provider_pid"} else value for name, value in read.items() if name not in TRACES
    }


def _dump(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(FORGOTTEN[database.name])
        yield from connection.iterdump()


if __name__ == "__main__":
    write(Path(sys.argv[1]).resolve())
