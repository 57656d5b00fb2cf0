"""At a terminal a person is asked before something is lost; a script consents with an option."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.azure import Azure
from tests.functional.test_cli import VMOPS, Shell

DISKS = ("-p", "dataDisks=4,8")
OTHER_IMAGE = ("-p", "ubuntuOSVersion=22.04")


@pytest.fixture
def shell(azure: Azure, state_dir: Path) -> Shell:
    return Shell(state_dir)


def at_a_terminal(shell: Shell, answer: str, *arguments: str) -> tuple[int, str]:
    """Make a call with a terminal as stdin and type an answer; give its exit code and stderr."""
    controller, terminal = pty.openpty()
    try:
        os.write(controller, f"{answer}\n".encode())
        done = subprocess.run(
            [VMOPS, *arguments], stdin=terminal, capture_output=True, text=True, env=shell.environment, timeout=200
        )
    finally:
        os.close(controller)
        os.close(terminal)
    return done.returncode, done.stderr


def test_deprovision_at_a_terminal_asks(shell: Shell, azure: Azure) -> None:
    """All resources are shown first; no cancels, yes continues."""
    assert shell("provision", "c1", "--wait").returncode == 0
    before = azure.writes()
    code, said = at_a_terminal(shell, "n", "deprovision", "c1", "--wait")
    assert code == 1
    assert "/virtualMachines/c1\n" in said
    assert "Delete these, with all that is on their disks, for c1? [y/N]" in said
    assert azure.writes() == before
    assert at_a_terminal(shell, "y", "deprovision", "c1", "--wait")[0] == 0
    assert azure.ids() == set()


@pytest.mark.parametrize("options", [("--yes",), ()], ids=["sure", "script"])
def test_deprovision_with_yes_does_not_ask(shell: Shell, azure: Azure, options: tuple[str, ...]) -> None:
    """Without a terminal nobody is asked either."""
    assert shell("provision", "c1", "--wait").returncode == 0
    if options:
        assert at_a_terminal(shell, "n", "deprovision", "c1", "--wait", *options)[0] == 0
    else:
        assert shell("deprovision", "c1", "--wait").returncode == 0
    assert azure.ids() == set()


def test_deprovision_of_nothing_does_not_ask(shell: Shell) -> None:
    """Nothing can be lost."""
    assert at_a_terminal(shell, "n", "deprovision", "c1", "--wait")[0] == 0


LOSSES = [
    (OTHER_IMAGE, "c1 is replaced because of image, and loses c1-osdisk, c1-data-0, c1-data-1"),
    (("-p", "customData=#!/bin/sh"), "c1 is replaced because of customData, and loses c1-osdisk, c1-data-0, c1-data-1"),
    (("-p", "dataDisks=4"), "c1-data-1 is detached, and still paid for"),
]


@pytest.mark.parametrize(("change", "words"), LOSSES, ids=["image", "custom data", "disk"])
def test_provision_that_loses_disks_asks(shell: Shell, azure: Azure, change: tuple[str, ...], words: str) -> None:
    """A script is refused with the option to use. Nothing is written before the answer."""
    assert shell("provision", "c1", *DISKS, "--wait").returncode == 0
    call = ("provision", "c1", "--same", *change, "--wait")
    before = azure.writes()
    refused = shell(*call)
    assert (refused.returncode, refused.stdout) == (1, "FAILED\n")
    assert f"{words}; use --replace to allow it" in refused.stderr
    code, said = at_a_terminal(shell, "n", *call)
    assert (code, azure.writes()) == (1, before)
    assert f"{words}\nGo on? [y/N]" in said
    assert shell(*call, "--replace").returncode == 0
    assert azure.writes() != before


def test_provision_that_loses_nothing_does_not_ask(shell: Shell) -> None:
    """Another size, port or disk loses nothing."""
    assert shell("provision", "c1", "-p", "dataDisks=4", "--wait").returncode == 0
    assert (
        shell("provision", "c1", *DISKS, "-p", "vmSize=Standard_D2s_v5", "-p", "vmPorts=80", "--wait").returncode == 0
    )
