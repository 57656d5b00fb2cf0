"""Secrets: a search of every process, log, record and file while each verb runs."""

import base64
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.azure import Azure
from tests.functional.test_faults import Faults
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon
from vmops.protocol import Params

CANARY = secrets.token_hex(8)  # unique on this machine, also among runs of this test
PASSWORD = f"Canary-pa55word-{CANARY}"
TOKEN = f"canary-token-{CANARY}"
CUSTOM = f"#!/bin/sh\necho canary-custom-{CANARY}\n"
PROC = Path("/proc")
VERBS = {"provision": "create", "stop": "powerOff", "start": "start", "restart": "restart", "deprovision": "delete"}
"""Each verb, and its requests for the VM."""

HELD = ("PULUMI_ACCESS_TOKEN", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN", "PYTHONSTARTUP", "LD_PRELOAD_TOKEN")
"""Variables of a caller that vmops does not need, beside those for finding code and libraries."""

KEPT_IN = {"passphrase": "keys/passphrase", "token": "local/endpoint.json"}
"""The file of mode 0600 with each of vmops' own secrets."""

pytestmark = pytest.mark.skipif(not PROC.exists(), reason="no /proc shows other processes' arguments here")


class Search:
    """Looks for secrets, each in every form that it may have, in processes and in files."""

    def __init__(self, known: dict[str, bytes], places: list[Path]) -> None:
        self.places = places
        self.hits: set[str] = set()
        self._secrets = known

    def look(self) -> None:
        """Search everywhere once."""
        for pid in psutil.pids():
            for place in ("cmdline", "environ"):
                self._read(PROC / str(pid) / place, str(pid))
        for root in self.places:
            for directory, _, names in os.walk(root):  # it skips directories that are deleted meanwhile
                for path in (Path(directory, name) for name in names):
                    if path.is_file():
                        self._read(path, str(path.relative_to(root)))

    def _read(self, path: Path, name: str) -> None:
        try:
            found = _read_elsewhere(path) if path.name.startswith("operations.db") else path.read_bytes()
        except OSError:
            return
        for secret, text in self._secrets.items():
            if text in found and name != KEPT_IN.get(secret):
                self.hits.add(f"{secret} in {name}/{path.name}")


def _read_elsewhere(path: Path) -> bytes:
    """Read the records in another process, because closing a file releases this process's locks on it.

    Source: SQLite documentation, how to corrupt, "POSIX advisory locks canceled by a separate thread".
    """
    return subprocess.run(["cat", path], env={"PATH": os.environ["PATH"]}, capture_output=True, check=False).stdout


def forms(name: str, secret: str) -> dict[str, bytes]:
    """Give a secret itself, and the part of its base64 form that does not depend on its offset."""
    encoded = base64.b64encode(secret.encode()).rstrip(b"=")
    return {name: secret.strip().splitlines()[-1].encode(), f"{name} in base64": encoded[: len(encoded) // 4 * 4 - 4]}


@contextmanager
def watching(search: Search) -> Iterator[None]:
    """Search repeatedly during a block, and once afterwards."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            search.look()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        search.look()


def test_the_search_for_secrets_finds_them(tmp_path: Path) -> None:
    """Otherwise the other tests would prove nothing."""
    (tmp_path / "log").write_text(f"a traceback with {PASSWORD}")
    search = Search(forms("password", PASSWORD), [tmp_path])
    search.look()
    assert search.hits == {"password in log/log"}


def asked_of_a_vm(azure: Azure, since: int) -> bool | NotYet:
    """Tell whether a change of a VM is among the requests after so many."""
    return any("/virtualMachines/" in each for each in azure.writes()[since:]) or NotYet(0.02)


def test_no_verb_shows_a_secret(
    ops: VMOps,
    azure: Azure,
    state_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In no argument, environment, log, record, temporary file or traceback; the engine's state has it encrypted."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for name, value in {
        "TMPDIR": str(temporary),
        "LD_LIBRARY_PATH": str(temporary),
        **dict.fromkeys(HELD, TOKEN),
    }.items():
        monkeypatch.setenv(name, value)
    here = daemon.ensure(state_dir, 0.005)
    params: Params = {"vmName": "exp1", "authenticationType": "password", "adminPasswordOrKey": PASSWORD}
    params["customData"] = CUSTOM
    own = {"token": here.token.encode()}
    asked = {**forms("password", PASSWORD), **forms("custom data", CUSTOM), **forms("token of the caller", TOKEN)}
    search = Search({**asked, **own}, [state_dir, temporary])
    faults, told = Faults(state_dir), list[object]()
    with watching(search):
        faults.put("allocation-failed")
        assert ops.vm_provision(params) == (Status.PENDING, {})
        assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
        told += [ops.last_failure(params), ops.operation(params), ops.status(params)]
        faults.clear()
    own["passphrase"] = (state_dir / KEPT_IN["passphrase"]).read_bytes()
    search._secrets.update(own)
    for verb, written in VERBS.items():
        before = len(azure.writes())
        azure.stick(written)
        with watching(search):
            status, _ = getattr(ops, f"vm_{verb}")(params)
            assert status is Status.PENDING, ops.last_failure(params)
            assert poll_until(partial(asked_of_a_vm, azure, before), timeout=240)
            search.look()
            azure.let_go()
            assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED, ops.last_failure(params)
            told += [ops.operation(params), ops.status(params)]
    said = "".join(map(repr, told)) + caplog.text + "".join(capfd.readouterr())
    assert search.hits == set()
    assert CANARY not in said
    assert list(temporary.iterdir()) == []
