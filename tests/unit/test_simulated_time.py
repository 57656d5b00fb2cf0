"""The time of the simulation is that of the whole product: no module is forgotten, and none is named in vain."""

from tests.house import house
from tests.simulation.clocked import CLOCKED, UNCLOCKED


def test_every_module_that_imports_time_has_the_simulations_or_a_reason_to_keep_the_machines() -> None:
    """One that waits by another clock would make a run depend on the machine, and nobody would see why."""
    importing = {name.removeprefix("vmops.") for name, module in house().items() if module.reaches("time")}
    assert importing - {*CLOCKED, *UNCLOCKED} == set(), "these are in neither list"
    assert {*CLOCKED, *UNCLOCKED} - importing == set(), "these import no time"
    assert set(CLOCKED) & UNCLOCKED.keys() == set(), "these are in both"
    assert [name for name, reason in UNCLOCKED.items() if not reason] == []


def test_time_is_imported_whole() -> None:
    """A function that was taken out of the module, as by ``from time import …``, keeps the time of the machine."""
    taken = [name for name, module in house().items() if any(each.startswith("time.") for each in module.imports)]
    assert taken == []
