"""Foreign parts and ours, from the bodies of resources: no part is both, and none is lost."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vmops.deploy import foreign_parts
from vmops.engine.reconcile import declared
from vmops.engine.reconcile.declared import OwnParts
from vmops.spec import names
from vmops.spec.foreign import ForeignParts
from vmops.spec.vm_spec import VmSpec

STACK = "pulumi:pulumi:Stack"
TAG_NAMES = st.sampled_from(["team", "Team", "run", "cost", "vmops-stack", "VMOPS-owner"])
TAGS = st.dictionaries(TAG_NAMES, st.sampled_from("ab"))


def spec_of(**params: object) -> VmSpec:
    return VmSpec.from_params({"vmName": "exp1", **params})


SPEC = spec_of()
IN_GROUP = f"{SPEC.group_id}/providers/Microsoft.Compute/disks/"


def rule(port: int, **changes: object) -> dict[str, Any]:
    """Give a rule in the form of ours, with changes."""
    says = {
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "priority": 1000,
        "sourcePortRange": "*",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": str(port),
        "sourcePortRanges": [],
        "provisioningState": "Succeeded",
    }
    return {"name": f"tcp-{port}", "properties": {**says, **changes}}


def disk(lun: int, name: str, how: str = "Empty", where: str = IN_GROUP) -> dict[str, Any]:
    return {"lun": lun, "name": name, "createOption": how, "managedDisk": {"id": where + name}}


def found(spec: VmSpec, last: OwnParts | None = None, **bodies: dict[str, Any]) -> ForeignParts:
    return foreign_parts.find(spec, bodies, last)


def with_rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"securityRules": list(rules)}}


def with_disks(*disks: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"storageProfile": {"dataDisks": list(disks)}}}


@given(
    there=TAGS, asked=st.dictionaries(st.sampled_from(["team", "run"]), st.sampled_from("ab")), last=st.sets(TAG_NAMES)
)
def test_each_tag_is_either_ours_or_foreign(there: dict[str, str], asked: dict[str, str], last: set[str]) -> None:
    """A foreign one keeps its value."""
    own = OwnParts(tags=frozenset(name.lower() for name in last))
    foreign = found(spec_of(tags=asked), own, nic={"tags": there}).tags.get("nic", {})
    for name, value in there.items():
        ours = name.lower().startswith("vmops-") or name.lower() in own.tags or asked.get(name.lower()) == value
        assert (name in foreign) is not ours
        assert foreign.get(name, value) == value


@given(ports=st.sets(st.integers(1, 65535), max_size=4), extra=st.sets(st.integers(1, 65535), max_size=3))
def test_rules_with_our_name_and_form_are_ours(ports: set[int], extra: set[int]) -> None:
    """Also those of ports that are not requested any more."""
    body = with_rules(*(rule(port, priority=1000 + rank) for rank, port in enumerate([*ports, *extra])))
    assert not found(spec_of(vmPorts=sorted(ports)), None, security_group=body)


@given(
    change=st.sampled_from(
        [
            {"access": "Deny"},
            {"protocol": "Udp"},
            {"direction": "Outbound"},
            {"priority": 999},
            {"destinationPortRange": "81"},
            {"destinationPortRange": None, "destinationPortRanges": ["80"]},
            {"destinationAddressPrefix": "10.0.0.4"},
            {"sourcePortRange": "1024-65535"},
            {"description": "mine"},
            {"sourceApplicationSecurityGroups": [{"id": "/asg"}]},
        ]
    )
)
def test_a_rule_in_another_form_is_ours_only_if_declared(change: dict[str, Any]) -> None:
    """A declared one was changed by hand; any other one was made by somebody else."""
    body = with_rules(rule(80, **change))
    assert found(SPEC, None, security_group=body).rules == tuple(body["properties"]["securityRules"])
    assert not found(SPEC, OwnParts(rules=frozenset({"tcp-80"})), security_group=body)


@given(lun=st.integers(0, 63), size=st.integers(0, 4), known=st.booleans(), how=st.sampled_from(["Empty", "Attach"]))
def test_a_disk_is_ours_by_name_lun_and_group(lun: int, size: int, *, known: bool, how: str) -> None:
    """One that was attached by hand must have been declared, or be requested."""
    spec = spec_of(dataDisks=[8] * size)
    ours, name = lun < size or known or how == "Empty", names.data_disk("exp1", lun)
    last = OwnParts(disks=frozenset({name})) if known else None
    assert bool(found(spec, last, vm=with_disks(disk(lun, name.upper(), how)))) is not ours
    assert found(spec, last, vm=with_disks(disk(lun, name, how, "/elsewhere/")))
    assert found(spec, last, vm=with_disks(disk(lun + 1, name, how)))


def test_without_a_state_requested_tags_are_ours() -> None:
    """Otherwise such a tag could not be changed any more."""
    assert not found(spec_of(tags="team=b"), None, nic={"tags": {"Team": "a"}})
    assert found(spec_of(tags="team=b"), OwnParts(), nic={"tags": {"Team": "a"}})


def state(outputs: dict[str, Any], *resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    entries = [{"type": names.TOKENS[role], "inputs": inputs} for role, inputs in resources]
    return {"deployment": {"resources": [{"type": STACK, "outputs": outputs}, *entries]}}


def test_last_declaration_is_read_from_the_stack_output() -> None:
    """In the state of an earlier version, from the inputs."""
    spec = spec_of(tags="Team=a", vmPorts="22,80", dataDisks="4")
    own = OwnParts(frozenset({"team"}), frozenset({"tcp-22", "tcp-80"}), frozenset({"exp1-data-0"}))
    assert declared.of(spec) == own
    inputs = {"tags": {"Team": "a", "cost": "7"}, "securityRules": [{"name": "hole"}]}
    assert declared.last(state({declared.OUTPUT: own.as_dict()}, ("security_group", inputs))) == own
    disks = {"storageProfile": {"dataDisks": [{"name": "exp1-data-0"}]}}
    entries: tuple[tuple[str, dict[str, Any]], ...] = (
        ("security_group", inputs),
        ("subnet", {}),
        ("vm", {"tags": {"Team": "b"}, **disks}),
    )
    assert declared.last(state({}, *entries)) == OwnParts(
        frozenset({"team"}), frozenset({"hole"}), frozenset({"exp1-data-0"})
    )


def test_a_state_without_resources_has_no_declaration() -> None:
    """So is one that is not there, and one that was just made."""
    assert [declared.last(each) for each in (None, {"deployment": None}, state({}))] == [None] * 3
