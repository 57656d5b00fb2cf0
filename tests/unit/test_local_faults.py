"""The rules and the catalogue of faults."""

import string

import pytest

from vmops.core.errors import SpecError
from vmops.local.arm.faults.catalogue import FAULTS, INCIDENTS
from vmops.local.arm.faults.effects import Drop, Fail, Refuse
from vmops.local.arm.faults.observed import ObservedCall
from vmops.local.arm.faults.refusal_texts import filled, find
from vmops.local.arm.faults.rule import Rule, read_rules
from vmops.local.arm.refusals import faults

VM = "/subscriptions/s/resourceGroups/vmops-exp1/providers/Microsoft.Compute/virtualMachines/exp1"
WORDS = faults.GATEWAY | faults.NETWORK | faults.COMPUTE


def asked(path: str = VM, method: str = "PUT", verb: str = "create") -> ObservedCall:
    return ObservedCall(method, path, verb, None, None)


@pytest.mark.parametrize("row", WORDS)
def test_each_refusal_code_makes_a_fault(row: str) -> None:
    """A refusal of a request refuses one; a refusal of an operation makes one fail."""
    status, message = WORDS[row]
    assert all(name for _, name, _, _ in string.Formatter().parse(message) if name is not None)
    effect = Fail(code=row) if status == 200 else Refuse(code=row)
    assert read_rules([Rule(effect=effect).plain()]) == [Rule(effect=effect)]


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_makes_a_serializable_rule(name: str) -> None:
    """A fault is data: what a shell puts is what the cloud keeps."""
    rule = FAULTS[name].rule(name, "exp1", nth=2, times=3)
    assert read_rules([rule.plain()]) == [rule]
    assert (rule.name, rule.nth, rule.times) == (name, 2, 3)


@pytest.mark.parametrize("name", [*FAULTS, *INCIDENTS])
def test_each_fault_has_a_one_sentence_description(name: str) -> None:
    """It is its help, and its row in the documentation."""
    about = FAULTS[name].about if name in FAULTS else INCIDENTS[name].about
    assert about[0].isupper()
    assert about.endswith(".")


@pytest.mark.parametrize(
    ("path", "meant"),
    [(VM, True), (VM.upper(), True), (f"{VM}/start", True), (f"{VM}0", False), (VM.replace("virtualM", "m"), False)],
)
def test_a_path_matches_a_resource_and_its_children(path: str, meant: bool) -> None:
    """A VM's name does not match as a prefix of another's."""
    assert Rule(path="*/virtualMachines/exp1", effect=Drop()).matches(asked(path)) is meant


def test_a_fault_for_one_vm_does_not_match_another() -> None:
    """Without a name every VM matches."""
    neighbour = asked(VM.replace("/exp1", "/exp2"))
    assert not FAULTS["quota"].rule("quota", "exp1").matches(neighbour)
    assert FAULTS["quota"].rule("quota").matches(neighbour)


def test_only_known_placeholders_are_filled() -> None:
    """A message may contain braces."""
    assert filled('{vm} says {"code": {0}} to {nobody}', {"vm": "exp1"}) == 'exp1 says {"code": {0}} to {nobody}'


def test_refusals_are_found_with_their_source() -> None:
    """The front door's answers have another form than a provider's."""
    for row, gateway in (("ExpiredAuthenticationToken", True), ("SkuNotAvailable", False)):
        found = find(row)
        assert found
        assert found.gateway is gateway
    assert find("Teapot") is None


def test_all_wrong_fields_are_named() -> None:
    """All of them at once."""
    with pytest.raises(SpecError) as wrong:
        read_rules([{"nth": 0, "share": 2, "effect": {"do": "drop"}}])
    assert [problem.partition(":")[0] for problem in wrong.value.problems] == ["0.nth", "0.share"]
