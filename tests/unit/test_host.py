"""Which host this is: not told by its name, which others may have, but by whose processes it sees."""

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
    """Give a directory in which the system tells of itself."""
    (tmp_path / "machine").write_text("4c5a\n")
    (tmp_path / "boot").write_text("1f2e\n")
    (tmp_path / "processes").symlink_to("pid:[4026531836]")
    monkeypatch.setattr(host, "_MACHINE", (tmp_path / "none", tmp_path / "machine"))
    monkeypatch.setattr(host, "_BOOT", tmp_path / "boot")
    monkeypatch.setattr(host, "_PROCESSES", tmp_path / "processes")
    return tmp_path


def test_another_machine_another_boot_and_another_container_are_other_hosts(places: Path) -> None:
    """Each of the three may be the same for two hosts; what is told shows none of them."""
    seen = [host.identity(), host.identity()]
    for name in ("machine", "boot"):
        (places / name).write_text("77aa\n")
        seen.append(host.identity())
    (places / "processes").unlink()
    (places / "processes").symlink_to("pid:[4026532999]")
    seen.append(host.identity())
    assert (len(seen), len(set(seen))) == (5, 4)
    assert {len(each) for each in seen} == {32}


def test_without_all_of_them_the_name_stands_in(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems other than Linux tell none."""
    monkeypatch.setattr(socket, "gethostname", lambda: "one")
    for name in ("machine", "boot", "processes"):
        (places / name).unlink()
    before = host.identity()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert host.identity() != before


def test_what_the_system_tells_comes_before_its_name(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that is given another name is the same."""
    before = host.identity()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert host.identity() == before


def test_processes_of_one_host_agree() -> None:
    """In whatever process it is asked."""
    assert subprocess.check_output(IDENTITY, text=True).strip() == host.identity()


def test_a_name_space_of_its_own_makes_a_host() -> None:
    """There the same numbers are other processes; it has the same name."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, *APART, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no name space of processes can be had here")
    inside = subprocess.check_output([unshare, *APART, *IDENTITY], text=True).strip()
    assert len(inside) == 32
    assert inside != host.identity()


def test_a_host_is_shown_by_the_name_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is for people only: who is who is not told by it."""
    monkeypatch.delenv("VMOPS_HOST", raising=False)
    assert host.name() == socket.gethostname()
    before = host.identity()
    monkeypatch.setenv("VMOPS_HOST", "lab7")
    assert (host.name(), host.identity()) == ("lab7", before)


def test_the_address_of_a_vm_is_no_hosts_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `vmops run` runs finds it where another name of the host would be."""
    monkeypatch.setenv("VMOPS_HOST", "203.0.113.7")
    monkeypatch.setenv("VMOPS_OUTPUTS", "outputs.json")
    assert host.name() == socket.gethostname()


def test_a_record_is_of_this_host_by_identity_and_by_name_only_if_it_has_none() -> None:
    """Records of an earlier version have a name alone."""
    here = socket.gethostname()
    assert [host.is_this(*each) for each in ((host.identity(), "lab7"), ("", here))] == [True, True]
    assert [host.is_this(*each) for each in (("another", here), ("", "another"))] == [False, False]
