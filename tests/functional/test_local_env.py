"""``vmops local env``: a POSIX shell evaluates it, and a command runs with it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.doors import CLI
from vmops.local import daemon

NAMES = (
    *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID"),
    *("AZURE_TENANT", "AZURE_SECRET"),
)
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def local_env(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*CLI, "local", "env", *arguments], capture_output=True, text=True, timeout=200, check=False)


def shell(script: str, **environment: str) -> dict[str, str]:
    """Let a POSIX shell evaluate a script, and give the environment of its children."""
    command = ["sh", "-euc", 'eval "$1"; exec "$2" -c "$3"', "sh", script, sys.executable, SHOW]
    env = {**os.environ, **environment}
    found: dict[str, str] = json.loads(subprocess.run(command, env=env, capture_output=True, check=True).stdout)
    return found


@pytest.fixture
def state_dir(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a state directory whose name a shell would split into words."""
    odd = state_dir / 'it\'s $HOME; `date` "here"'
    odd.mkdir(mode=0o700)
    monkeypatch.setenv("VMOPS_STATE_DIR", str(odd))
    yield odd
    daemon.stop(odd)


def test_local_env_prints_the_same_variables_for_shell_and_json(state_dir: Path) -> None:
    """Whatever the values contain, one evaluation sets exactly these variables, and another unsets them."""
    here = daemon.ensure(state_dir, proxy=True)
    printed = local_env()
    expected = json.loads(local_env("--json").stdout)
    assert tuple(sorted(expected)) == tuple(sorted(NAMES))
    assert {line.partition("=")[0] for line in printed.stdout.splitlines()} == {f"export {name}" for name in NAMES}
    read = shell(printed.stdout)
    assert {name: read[name] for name in NAMES} == expected
    assert not {*NAMES} & shell(local_env("--unset").stdout, **expected).keys()
    assert {expected[name] for name in ("HTTPS_PROXY", "https_proxy")} == {here.proxy}
    assert {expected[name] for name in ("NO_PROXY", "no_proxy")} == {"127.0.0.1,localhost,::1"}
    assert {expected[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")} == {here.ca}
    assert expected["AZURE_SECRET"] == expected["AZURE_CLIENT_SECRET"] == here.token


@pytest.mark.parametrize("tls", [None, True], ids=["nothing runs", "without a proxy"])
def test_local_env_without_a_proxy_suggests_the_command(state_dir: Path, tls: bool | None) -> None:
    """Stdout is empty and nothing is started; --unset always works."""
    if tls:
        daemon.ensure(state_dir, tls=tls)
    refused = local_env()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "`vmops local start --proxy`" in " ".join(refused.stderr.split())
    assert json.loads(local_env("--json").stdout)["status"] == "FAILED"
    assert local_env("--unset").returncode == 0
    assert bool(daemon.find(state_dir)) == bool(tls)


def test_local_env_runs_a_command_and_returns_its_code(state_dir: Path) -> None:
    """The local Azure is started with a proxy, and the command's options are its own."""
    ended = local_env("--", sys.executable, "-c", f"{SHOW}; raise SystemExit(7)", "--json")
    here = daemon.find(state_dir)
    assert here is not None
    assert ended.returncode == 7, ended.stderr
    assert json.loads(ended.stdout)["HTTPS_PROXY"] == here.proxy != ""


def test_local_env_exits_with_126_or_127_if_the_command_cannot_run(state_dir: Path, tmp_path: Path) -> None:
    """The exit codes are those of ``vmops run``: no such command, not executable, a signal, no local Azure."""
    broken = tmp_path / "broken"
    broken.write_bytes(b"\0")
    broken.chmod(0o755)
    assert local_env("--", "no-such-command").returncode == 127
    assert local_env("--", str(broken)).returncode == 126
    assert local_env("--", "sh", "-c", "kill -TERM $$").returncode == 128 + 15
    daemon.stop(state_dir)
    shutil.rmtree(state_dir / "local")
    (state_dir / "local").touch()
    assert local_env("--", "true").returncode == 125
    (state_dir / "local").unlink()


@pytest.mark.parametrize("arguments", [("--json", "--unset"), ("--json", "--", "true"), ("--unset", "--", "true")])
def test_local_env_options_exclude_each_other(state_dir: Path, arguments: tuple[str, ...]) -> None:
    """Such a call is wrong."""
    assert local_env(*arguments).returncode == 2
