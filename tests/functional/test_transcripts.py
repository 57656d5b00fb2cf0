"""The output of each verb, kept as text in tests/transcripts: ``TRANSCRIPTS=write`` rewrites it.

At terminals of 80 and of 120 columns, with NO_COLOR, and in a pipe. All calls use one VM, exp1.
"""

import os
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from typer.main import get_command

from tests.azure import all_of, killed
from tests.functional.test_cli import Shell
from tests.functional.warm_shell import WarmShell
from tests.terminal import plain
from vmops.cli import command_line
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon

KEPT = Path(__file__).parents[1] / "transcripts"

# A VM that is not found has its own name in each call, because refusals are remembered.
CALLS: dict[str, tuple[str, ...]] = {
    "provision": ("provision exp1 --same", "provision exp1 -p vmSize=Standard_D2s_v5 --dry-run", "provision -p size=1"),
    "list": ("list", "list ghost1"),
    "status": ("status exp1", "status nobody"),
    "history": ("history exp1",),
    "timeline": ("timeline exp1",),
    "logs": ("logs exp1",),
    "get": ("get exp1", "get exp1 publicIp", "get ghost2"),
    "wait": ("wait exp1", "wait ghost3 --gone"),
    "ssh": ("ssh exp1 -- true", "ssh ghost10"),
    "exec": ("exec exp1 -- true", "exec exp1 --json -- true"),
    "cp": ("cp exp1:results .", "cp a b"),
    "ssh-config": ("ssh-config exp1",),
    "params": ("params exp1",),
    "show": ("show exp1 --params",),
    "set": ("set exp1 region=eastus", "set exp1 dataDisks=4 --dry-run"),
    "lock": ("lock exp1",),
    "diff": ("diff exp1",),
    "offers": ("offers -p vmSize=Standard_B2s,Standard_D4s_v5", "offers -p vmSize=Standard_B2"),
    "quota": ("quota",),
    "refusals": ("refusals",),
    "check": ("check",),
    "recover": ("recover exp1 --dry-run", "recover ghost4"),
    "adopt": ("adopt exp1 --dry-run",),
    "export": ("export ghost5 DIR/ghost5", "export exp1 DIR/exp1"),
    "cancel": ("cancel ghost6",),
    "extend": ("extend exp1 2h", "extend ghost7 2h"),
    "sweep": ("sweep", "sweep --dry-run"),
    "power": (
        *("stop exp1 --wait", "stop ghost9", "start exp1 --wait", "restart exp1 --wait"),
        *("deallocate exp1 --wait", "start exp1 --wait"),
    ),
    "deprovision": ("deprovision exp1 --dry-run", "deprovision ghost8 --wait"),
    "engine": ("engine --help",),
    "local": ("local resources", "local capacity", "local policy", "local fault list", "local nonsense"),
}
ELSEWHERE = {"cluster", "database", "demo", "hosts", "replace", "run", "scale", "worker"}
"""Verbs that make their own VM or fleet, or need a database: their own tests check their output."""
TABLES = {"list", "offers", "quota", "refusals", "params", "history", "local", "timeline"}
MODES: dict[str, tuple[int, dict[str, str]]] = {
    "80": (80, {}),
    "120": (120, {}),
    "NO_COLOR": (80, {"NO_COLOR": "1"}),
    "pipe": (0, {}),
}

# Patterns of values that differ between calls and hosts, and their replacements.
_VOLATILE = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)", "TIME"),
    (r"\b\d+(\.\d+)? (s|min|h|d)( \d+ (s|min|h))?\b", "DURATION"),
    (r"≤ \$[\d.]+", "≤ COST"),
    (r"spentSoFar\": [\d.]+", 'spentSoFar": N'),
    (r"seconds=[\d.]+", "seconds=N"),
    (r"\"seconds\": [\d.]+", '"seconds": N'),
    (r"seconds +[\d.]+", "seconds  N"),
    (r"\b[0-9a-f]{16}\b", "ID"),
    (r"(127\.0\.0\.1|port|process):? ?\d+", r"\1 N"),
    (r"\d+\.\d+\.\d+ at \S+", "VERSION at PATH"),
    (r"(engine|azureNative|vmops): \d[\d.]+", r"\1: VERSION"),
    (r"clock .*", "clock  …"),
    (r"(?m)^[\u2801-\u28ff] .*\n|^\n", ""),
    (r"█+", "█"),
    (r" {2,}", "  "),
)


@pytest.fixture(scope="module")
def lab(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WarmShell, Path]]:
    """Give a warm shell whose local Azure has exp1, and a directory."""
    directory = tmp_path_factory.mktemp("transcripts")
    daemon.ensure(directory / "state", 0)
    shell = Shell(directory / "state")
    assert shell("provision", "exp1", "-p", "ttl=2h", "-p", "vmPorts=22,443", "--wait").returncode == 0
    warm = WarmShell(shell.environment)
    yield warm, directory
    warm.close()
    poll_until(lambda: NotYet(0.01) if killed(all_of(directory / "state")) else True, timeout=60)
    daemon.stop(directory / "state")


def normal(text: str, directory: Path) -> str:
    """Give the output of a call without what differs each time; steps that end in any order are sorted."""
    told = text.replace(str(directory), "DIR").replace("\r", "\n")
    for pattern, word in _VOLATILE:
        told = re.sub(pattern, word, told)
    lines = [sorted(group) if done else list(group) for done, group in groupby(told.splitlines(), _is_step)]
    return "\n".join(line.rstrip() for group in lines for line in group)


def _is_step(line: str) -> bool:
    return line.startswith("  ✓ ") or " resource_" in line or " create  DURATION" in line


def _modes(verb: str, call: str) -> list[str]:
    """Give the modes of a call: all for the first call of a verb, one for a call that takes an engine.

    Waits are shown at a terminal.
    """
    if "--wait" in call:
        return ["pipe"]
    if call == "list":
        return ["120", "pipe"]  # the text that is cut at 80 columns depends on the VM's age
    dear = verb in ("provision", "set", "recover") and ("--dry-run" in call or verb == "recover")
    return ["80"] if dear or call != CALLS[verb][0] else [*MODES]


def test_every_verb_has_a_transcript() -> None:
    """The output of a new verb must be read by a person."""
    called = {call.split()[0] for calls in CALLS.values() for call in calls}
    assert called | ELSEWHERE == get_command(command_line()).commands.keys()  # type: ignore[attr-defined]


def test_output_matches_the_transcripts(lab: tuple[WarmShell, Path]) -> None:
    """No line of a table is wider than the terminal. Only a terminal with colours gets escapes."""
    told = {verb: _transcript(*lab, verb) for verb in CALLS}
    if os.environ.get("TRANSCRIPTS") == "write":
        for verb, text in told.items():
            (KEPT / f"{verb}.txt").write_text(text)
    assert told == {each.stem: each.read_text() for each in KEPT.iterdir()}


def _transcript(shell: WarmShell, directory: Path, verb: str) -> str:
    """Make the calls of a verb; equal output in several modes is written once."""
    told = ""
    for call in CALLS[verb]:
        shown: dict[str, list[str]] = {}
        for mode in _modes(verb, call):
            shown.setdefault(_text(shell, directory, verb, call, mode), []).append(mode)
        told += "".join(f"$ vmops {call}   ({', '.join(modes)})\n{text}\n\n" for text, modes in shown.items())
    return told


def _text(shell: WarmShell, directory: Path, verb: str, call: str, mode: str) -> str:
    """Make one call in a mode, and give its output."""
    width, variables = MODES[mode]
    text = shell(*call.replace("DIR", f"{directory}/{mode}").split(), width=width, **variables)
    assert "Traceback" not in text, text
    assert mode in ("80", "120") or "\x1b" not in text, text
    assert not (verb in TABLES and width) or max(map(len, plain(text).splitlines())) <= width, text
    return normal(plain(text).replace(f"/{mode}/", "/"), directory)
