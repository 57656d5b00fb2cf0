"""The identity of a host: its process namespace decides, not its name."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vmops.core import host

APART = ("--pid", "--fork", "--mount-proc")
IDENTITY = [sys.executable, "-c", "from vmops.core import host; print(host.identity())"]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the files in which the system identifies itself."""
    (tmp_path / "machine").write_text("4c5a\n")
    (tmp_path / "boot").write_text("1f2e\n")
    (tmp_path / "processes").symlink_to("pid:[4026531836]")
    monkeypatch.setattr(host, "_MACHINE", (tmp_path / "none", tmp_path / "machine"))
    monkeypatch.setattr(host, "_BOOT", tmp_path / "boot")
    monkeypatch.setattr(host, "_PROCESSES", tmp_path / "processes")
    return tmp_path


def test_machine_boot_and_namespace_identify_a_host(places: Path) -> None:
    """None of them can be read from the result."""
    seen = [host.identity(), host.identity()]
    for name in ("machine", "boot"):
        (places / name).write_text("77aa\n")
        seen.append(host.identity())
    (places / "processes").unlink()
    (places / "processes").symlink_to("pid:[4026532999]")
    seen.append(host.identity())
    assert (len(seen), len(set(seen))) == (5, 4)
    assert {len(each) for each in seen} == {32}


def test_without_system_ids_the_host_name_identifies(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems other than Linux."""
    monkeypatch.setattr(socket, "gethostname", lambda: "one")
    for name in ("machine", "boot", "processes"):
        (places / name).unlink()
    before = host.identity()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert host.identity() != before


def test_a_renamed_host_keeps_its_identity(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is given another name is the same."""
    before = host.identity()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert host.identity() == before


def test_all_processes_of_a_host_give_one_identity() -> None:
    """In whatever process it is asked."""
    assert subprocess.check_output(IDENTITY, text=True).strip() == host.identity()


def test_a_process_namespace_is_a_host() -> None:
    """It has the same name and other processes."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, *APART, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no name space of processes can be had here")
    inside = subprocess.check_output([unshare, *APART, *IDENTITY], text=True).strip()
    assert len(inside) == 32
    assert inside != host.identity()


def test_vmops_host_sets_only_the_shown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is for people only: hosts are not identified by it."""
    monkeypatch.delenv("VMOPS_HOST", raising=False)
    assert host.name() == socket.gethostname()
    before = host.identity()
    monkeypatch.setenv("VMOPS_HOST", "lab7")
    assert (host.name(), host.identity()) == ("lab7", before)


def test_vmops_host_is_ignored_inside_vmops_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """There it is the VM's address."""
    monkeypatch.setenv("VMOPS_HOST", "203.0.113.7")
    monkeypatch.setenv("VMOPS_OUTPUTS", "outputs.json")
    assert host.name() == socket.gethostname()


def test_a_record_without_identity_is_matched_by_host_name() -> None:
    """As records of earlier versions are."""
    here = socket.gethostname()
    assert [host.is_this(*each) for each in ((host.identity(), "lab7"), ("", here))] == [True, True]
    assert [host.is_this(*each) for each in (("another", here), ("", "another"))] == [False, False]
