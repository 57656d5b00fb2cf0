"""The simulation's clock covers the whole package."""

from tests.house import house
from tests.simulation.clocked import CLOCKED, UNCLOCKED


def test_every_module_that_imports_time_is_simulated_or_listed() -> None:
    """Otherwise a simulated run would depend on the machine."""
    importing = {name.removeprefix("vmops.") for name, module in house().items() if module.reaches("time")}
    assert importing - {*CLOCKED, *UNCLOCKED} == set(), "these are in neither list"
    assert {*CLOCKED, *UNCLOCKED} - importing == set(), "these import no time"
    assert set(CLOCKED) & UNCLOCKED.keys() == set(), "these are in both"
    assert [name for name, reason in UNCLOCKED.items() if not reason] == []


def test_time_is_imported_as_a_module() -> None:
    """``from time import …`` would keep the real function."""
    taken = [name for name, module in house().items() if any(each.startswith("time.") for each in module.imports)]
    assert taken == []
