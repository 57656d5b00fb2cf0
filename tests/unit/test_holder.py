"""The holder of a VM: its mark, and whether it may be alive."""

import subprocess
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.processes import kill, start
from vmops.core import host
from vmops.core.failures import FailureKind
from vmops.core.holder import HELD, Holder, Kind, refusal
from vmops.core.processes import start_ticks

WORD = st.text("0123456789abcdef", min_size=1, max_size=32)
HOLDERS = st.builds(
    Holder,
    st.sampled_from(Kind),
    *(WORD, st.integers(1, 4_000_000_000).map(float), st.integers(1, 2**22), st.integers(0, 2**62), WORD),
    st.just("") | WORD,
    st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=64),
)
LONG_AGO, LONG_TO_GO = 1_000_000_000.0, 4_000_000_000.0


@given(HOLDERS)
def test_a_mark_is_read_back(holder: Holder) -> None:
    """It fits into a tag."""
    assert Holder.read(holder.mark) == holder
    assert len(holder.mark) <= 256


@pytest.mark.parametrize("mark", ["", "fleet 1 2", "lease a 2026-01-01T00:00:00Z 1 2 c d e", "run a soon 1 2 c d e"])
def test_an_unreadable_mark_is_an_unknown_holder(mark: str) -> None:
    """A later version may write other kinds; the holder does not count as dead."""
    assert Holder.read(mark) is None
    assert (refusal(mark, "id").kind, refusal(mark, "id").code) == (FailureKind.CONFLICT, HELD)


def holder_of(process: "subprocess.Popen[str]") -> Holder:
    """Give a hold of a process of this host."""
    ticks = start_ticks(process.pid)
    assert ticks
    return replace(Holder.here(Kind.RUN), pid=process.pid, start_ticks=ticks)


def test_a_holder_on_this_host_lives_as_long_as_its_process() -> None:
    """Whatever the VM's expiry; a reused process number is another process."""
    process = start("pause()")
    holder = holder_of(process)
    seen = [each.lives(recorded=True, expires=LONG_AGO) for each in (holder, replace(holder, start_ticks=1))]
    kill(process)
    assert [*seen, holder.lives(recorded=False, expires=inf)] == [True, False, False]


@pytest.mark.parametrize(
    ("recorded", "boot", "expires", "lives"),
    [
        (False, "another", inf, True),
        (False, "another", 0.0, True),
        (False, "another", LONG_TO_GO, True),
        (False, "another", LONG_AGO, False),
        (True, "another", inf, False),
        (True, "", inf, True),
        (True, host.boot(), inf, True),
    ],
)
def test_a_holder_on_another_host_lives_until_the_vm_expires(
    recorded: bool, boot: str, expires: float, lives: bool
) -> None:
    """A recorded mark of an earlier boot is dead."""
    holder = replace(Holder.here(Kind.MACHINE), host_id="0" * 32, boot=boot, pid=1)
    assert holder.lives(recorded=recorded, expires=expires) is lives
