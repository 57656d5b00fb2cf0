"""When the members of a fleet are registered with the engine."""

import pytest

from tests.stacks.test_vm import OWNER, run, spec_of
from vmops.spec import fleet
from vmops.stacks.fleet import Part, declare


@pytest.mark.parametrize("new", [{0, 1}, {1}, set()], ids=["both", "one", "none"])
def test_each_new_member_waits_for_its_turn_with_the_same_dependencies(new: set[int]) -> None:
    """Its resources are registered afterwards; those of an existing member do not wait."""
    members = fleet.members(spec_of(vmCount=2), range(2))
    registered: list[list[str]] = []

    async def turn() -> None:
        registered.append([])

    def program() -> None:
        parts = [Part(each, new=each.member in new) for each in members]
        declare(parts, owner=OWNER, turn=turn)

    engine = run(program)
    assert len(registered) == len(new)
    names = [f"exp1-{number}{end}" for number in range(2) for end in ("-ip", "-nic", "")]
    found = {name.split()[1]: list(each.dependencies) for name, each in engine.requests.items()}
    assert {*names} <= found.keys()
    group = [each for each in found["exp1-0-ip"] if "ResourceGroup" in each]
    assert len(group) == 1
    for name in names:
        assert group[0] in found[name]
