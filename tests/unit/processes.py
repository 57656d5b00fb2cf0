"""Python programs in other processes, which pause at a line of their own: for tests of locks, races and kills."""

import subprocess
import sys

_PATIENCE = 240
"""Seconds for a program to end: it is stuck if it takes as long, however slow the machine."""

PRELUDE = """
import os, sys, threading
from pathlib import Path

def pause():
    print("here", flush=True)
    sys.stdin.readline()
"""


def run(code: str, *arguments: object) -> list[str]:
    """Run a Python program to its end and give the lines that it printed."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE).stdout.splitlines()


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python program, and return once it calls ``pause``."""
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert line_of(process) == "here"
    return process


def line_of(process: subprocess.Popen[str]) -> str:
    """Read the next line that a program prints."""
    assert process.stdout is not None
    return process.stdout.readline().removesuffix("\n")


def go_on(process: subprocess.Popen[str]) -> None:
    """Let a paused program continue."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def ended(process: subprocess.Popen[str]) -> str:
    """Wait until a continued program has ended, and give the rest of its output."""
    output, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0
    return output.strip()


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a program with SIGKILL."""
    process.kill()
    process.communicate()


def race(code: str, *arguments: object, racers: int = 6) -> list[str]:
    """Start a program several times, let all continue from ``pause`` at once, and give what each printed.

    The last argument of each is its number.
    """
    processes = [start(code, *arguments, number) for number in range(racers)]
    for process in processes:
        go_on(process)
    return [ended(process) for process in processes]
