"""The engine: which one is used, and what an installation leaves after success, failure or a kill."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.bare_machine import ENGINE, Machine, ended, official_site, read_until
from vmops.core import file_lock
from vmops.core.errors import EngineMissing
from vmops.engine.install import installers, locate
from vmops.engine.install.locate import ENGINE_VERSION, GO_VERSION


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        env = {
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "PATH": str(tmp_path / "bin"),
            "https_proxy": f"http://127.0.0.1:{deaf.getsockname()[1]}",
        }
        monkeypatch.setenv("XDG_CACHE_HOME", env["XDG_CACHE_HOME"])
        monkeypatch.setenv("PATH", env["PATH"])
        (tmp_path / "bin").mkdir()
        yield Machine(tmp_path, env)


def test_our_engine_takes_precedence_over_path_without_a_process(machine: Machine) -> None:
    """Finding our engine starts no process."""
    machine.put_on_path("v3.300.0")
    machine.put(machine.ours, "#!/bin/sh\ntouch started\n")
    assert locate.path() == machine.ours
    assert not list(machine.home.glob("**/started"))


def test_the_pinned_version_is_that_of_the_go_modules() -> None:
    """One file pins the engine and its Go; the README names the same Go."""
    gomod = (files("vmops.engine.install") / "gomod" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{ENGINE_VERSION} " in gomod
    assert f"github.com/pulumi/pulumi/sdk/v3 v{ENGINE_VERSION} " in gomod
    assert f"\ngo {GO_VERSION}\n" in gomod
    assert f"Go {GO_VERSION} or newer" in (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.parametrize("version", [f"v{ENGINE_VERSION}", ENGINE_VERSION, "v3.300.0", "v3.300.1-alpha.1"])
def test_a_tested_engine_on_path_is_used_if_ours_is_missing(machine: Machine, version: str) -> None:
    """A user who has an engine need not install one."""
    engine = machine.put_on_path(version)
    assert locate.path() == engine


@pytest.mark.parametrize("version", ["v3.274.0", "v3.258.0", "v4.0.0", "v2.999.0", "", "Pulumi"])
@pytest.mark.parametrize("choice", [None, "path"])
def test_an_untested_engine_on_path_is_refused(machine: Machine, version: str, choice: str | None) -> None:
    """The message names its version."""
    engine = machine.put_on_path(version)
    with pytest.raises(EngineMissing, match=rf"^{engine} is an engine of version {version.strip('v') or 'unknown'}"):
        locate.path(choice)


def test_a_missing_engine_names_the_three_ways(machine: Machine) -> None:
    """The message says how to get an engine."""
    ways_to_one = rf"^there is no .* on PATH, or .*`vmops engine install`.* Go {GO_VERSION} or"
    with pytest.raises(EngineMissing, match=ways_to_one):
        locate.path()


def test_the_setting_path_takes_the_engine_on_path(machine: Machine) -> None:
    """It takes precedence over our own engine."""
    machine.put(machine.ours, ENGINE.format(version=f"v{ENGINE_VERSION}"))
    engine = machine.put_on_path("v3.300.0")
    assert locate.path("path") == engine


def test_a_named_engine_of_a_tested_version_is_used(machine: Machine) -> None:
    """The setting may name any engine."""
    engine = machine.put(machine.home / "elsewhere" / "pulumi", ENGINE.format(version="v3.300.0"))
    assert locate.path(str(engine)) == engine


@pytest.mark.parametrize("choice", ["bin/pulumi", "pulumi", "/nowhere/pulumi", "/"])
def test_a_named_engine_that_is_not_executable_is_refused(machine: Machine, choice: str) -> None:
    """The message names the setting, its value and the rule."""
    with pytest.raises(EngineMissing, match=rf"VMOPS_ENGINE is '{choice}': it must be .* absolute path"):
        locate.path(choice)


def test_without_internet_the_engine_is_built_from_pinned_modules(machine: Machine) -> None:
    """The build uses the modules and checksums in the package, and writes the version into the program."""
    machine.put_go()
    assert machine.run("install")[:2] == (0, f"{machine.ours}\n")
    [build] = machine.builds()
    gomod = files("vmops.engine.install") / "gomod"
    assert all(build[name] == (gomod / name).read_text() for name in ("go.mod", "go.sum"))
    assert f"v3/go/common/version.Version=v{ENGINE_VERSION}" in build["argv"]
    assert Path(build["tmp"]).parent == machine.cache
    assert machine.left() == {"lock", ENGINE_VERSION}


def test_an_installed_engine_is_not_installed_again(machine: Machine) -> None:
    """The second call does nothing."""
    machine.put_go()
    assert machine.run("install")[:2] == machine.run("install")[:2] == (0, f"{machine.ours}\n")
    assert len(machine.builds()) == 1


def test_two_installations_at_once_build_once(machine: Machine) -> None:
    """The second waits, says so, and uses the engine of the first."""
    machine.put_go()
    os.mkfifo(machine.gate)
    first = machine.start("install")
    with machine.gate.open("wb"):
        second = machine.start("install")
        read_until(second, "waiting for another process")
    assert ended(first)[:2] == ended(second)[:2] == (0, f"{machine.ours}\n")
    assert len(machine.builds()) == 1


def test_an_installation_after_a_killed_one_succeeds_and_cleans_up(machine: Machine) -> None:
    """The killed one leaves nothing that counts as an engine; the next waits for its orphaned processes."""
    machine.put_go()
    os.mkfifo(machine.gate)
    killed = machine.start("install")
    with machine.gate.open("wb"):
        killed.kill()
        assert ended(killed)[0] == -signal.SIGKILL
        assert {name.partition("-")[0] for name in machine.left()} == {"lock", "stage"}
        machine.gate.unlink()
        following = machine.start("install")
        read_until(following, "waiting for another process")
    assert ended(following)[:2] == (0, f"{machine.ours}\n")
    assert len(machine.builds()) == 2
    assert machine.left() == {"lock", ENGINE_VERSION}


def test_an_interrupted_installation_leaves_neither_process_nor_file(machine: Machine) -> None:
    """Ctrl-C kills the build, too, and the lock is free at once."""
    machine.put_go()
    os.mkfifo(machine.gate)
    interrupted = machine.start("install")
    with machine.gate.open("wb"):
        interrupted.send_signal(signal.SIGINT)
        assert ended(interrupted)[0] != 0
        assert not file_lock.is_locked(machine.cache / "lock")
        assert machine.left() == {"lock"}
        machine.gate.unlink()
        assert "waiting" not in machine.run("install")[2]


def test_an_interrupt_during_the_start_of_a_step_kills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may arrive when the build runs but is not registered for cleanup yet."""

    class Started(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **how)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Started)
    held = file_lock.acquire(tmp_path / "lock")
    assert held is not None
    with pytest.raises(KeyboardInterrupt):
        installers.BuildDir(tmp_path, held, lambda _: None).run("nap", ["sleep", "60"], timeout=60)
    os.close(held)
    assert not file_lock.is_locked(tmp_path / "lock")


def test_an_incomplete_engine_directory_is_replaced(machine: Machine) -> None:
    """Only an executable file counts as installed."""
    machine.put_go()
    machine.ours.mkdir(parents=True)
    assert machine.run("install")[:2] == (0, f"{machine.ours}\n")
    assert machine.ours.is_file()


def test_without_go_and_internet_one_message_says_what_to_do(machine: Machine) -> None:
    """It says why each way failed; nothing is left behind."""
    code, out, err = machine.run("install")
    sentence = err.splitlines()[-1]
    assert (code, out) == (1, "")
    assert all(words in sentence for words in ("on PATH", f"Go {GO_VERSION}", "Connection refused", "there is no `go`"))
    assert machine.left() == {"lock"}


def test_an_unwritable_cache_is_named(machine: Machine) -> None:
    """The message has the path and the system's reason."""
    machine.put(machine.home / "cache", "this is a file")
    code, _, err = machine.run("install")
    assert code == 1
    assert f"could be installed in {machine.cache} ([Errno 20] Not a directory" in err


def test_a_failed_build_reports_gos_last_line(machine: Machine) -> None:
    """Nothing incomplete is left."""
    machine.put(machine.home / "bin" / "go", "#!/bin/sh\necho 'go: requires go >= 1.99.0' >&2\nexit 1\n")
    code, _, err = machine.run("install")
    assert code == 1
    assert "go: requires go >= 1.99.0" in err.splitlines()[-1]
    assert machine.left() == {"lock"}


def test_a_built_engine_of_another_version_is_refused(machine: Machine) -> None:
    """Later only the directory's name tells the version, so the engine is asked before it is moved there."""
    machine.put_go(version="v3.1.0")
    code, _, err = machine.run("install")
    assert code == 1
    assert f"has version 3.1.0, not {ENGINE_VERSION}" in err
    assert machine.left() == {"lock"}


def test_the_official_installer_is_preferred(machine: Machine) -> None:
    """With internet access nothing is built."""
    machine.put_go()
    with official_site(machine):
        assert machine.run("install")[:2] == (0, f"{machine.ours}\n")
    assert machine.builds() == []
    assert machine.left() == {"lock", ENGINE_VERSION}


def test_the_installer_gives_up_on_a_silent_network(machine: Machine) -> None:
    """If connections open but nothing answers, the installer exits instead of hanging."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        machine.env["https_proxy"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [
            sys.executable,
            "-m",
            "vmops.engine.install.official",
            str(machine.home / "root"),
            ENGINE_VERSION,
            "1",
        ]
        assert subprocess.run(command, env=machine.env, check=False).returncode == -signal.SIGALRM


def test_a_step_past_its_timeout_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process outlives the installation."""
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    with (
        os.fdopen(os.open(alive, os.O_RDONLY | os.O_NONBLOCK), "rb") as written,
        (tmp_path / "lock").open("wb") as held,
    ):
        begun = iter([0.0])  # no time passes until the child has started; then all
        elapsed = lambda: next(begun, float(bool(select.select([written], [], [], 0)[0])))  # noqa: E731
        monkeypatch.setattr(installers, "time", SimpleNamespace(monotonic=elapsed))
        site = installers.BuildDir(tmp_path, held.fileno(), lambda _: None)
        with pytest.raises(installers.InstallFailed, match=r"^nap: not finished after 1 s$"):
            site.run("nap", ["/bin/sh", "-c", f"(echo started; sleep 3600) >{alive} & wait"], timeout=1)
        os.set_blocking(written.fileno(), True)
        assert written.read() == b"started\n"


def test_the_path_command_prints_only_the_path(machine: Machine) -> None:
    """A shell can run what it prints."""
    engine = machine.put_on_path(f"v{ENGINE_VERSION}")
    assert machine.run("path") == (0, f"{engine}\n", "")
    assert machine.run("version") == (0, f"{ENGINE_VERSION}\n", "")


def test_the_path_command_without_an_engine_prints_only_an_error(machine: Machine) -> None:
    """Nothing is printed that a shell could run."""
    code, out, err = machine.run("path")
    assert (code, out, len(err.splitlines())) == (1, "", 1)


def test_install_with_json_reports_progress_on_stderr(machine: Machine) -> None:
    """A program reads stdout, a person stderr."""
    machine.put_go()
    _, out, err = machine.run("install", "--json")
    assert json.loads(out) == {"path": str(machine.ours), "version": ENGINE_VERSION}
    assert f"building Pulumi {ENGINE_VERSION} from its Go modules" in err
