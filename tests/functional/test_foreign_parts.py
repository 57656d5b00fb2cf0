"""Foreign parts: what others add to a VM's resources is kept and reported, and our parts change as usual."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Status, VMOps
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-y1"
COMPUTE, NETWORK = f"{GROUP}/providers/Microsoft.Compute", f"{GROUP}/providers/Microsoft.Network"
VM, NIC, NSG = (
    f"{COMPUTE}/virtualMachines/y1",
    f"{NETWORK}/networkInterfaces/y1-nic",
    f"{NETWORK}/networkSecurityGroups/y1-nsg",
)
ADDRESS, VNET = f"{NETWORK}/publicIPAddresses/y1-ip", f"{NETWORK}/virtualNetworks/y1-vnet"
PARAMS: Params = {"vmName": "y1"}
BIGGER: Params = {**PARAMS, "vmSize": "Standard_D4s_v5"}
PORTS: Params = {**PARAMS, "vmPorts": [22, 80]}
HOLE = {"protocol": "*", "priority": 300, "direction": "Inbound", "access": "Allow"} | {
    f"{end}{part}": "*" for end in ("source", "destination") for part in ("PortRange", "AddressPrefix")
}


class Hand:
    """Changes by somebody else to the resources of a VM."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure

    def see(self, path: str) -> dict[str, Any]:
        """Read a resource."""
        version = "2024-03-02" if "/disks/" in path else "2024-07-01" if "Compute" in path else "2024-05-01"
        found: dict[str, Any] = self.azure.get(f"{path}?api-version={'2024-03-01' if path == GROUP else version}")
        return found

    def open(self, name: str = "hole", **changes: Any) -> None:
        """Add a rule to the security group."""
        self.azure.put(f"{NSG}/securityRules/{name}?api-version=2024-05-01", {"properties": HOLE | changes})

    def attach(self, name: str, lun: int, group: str = GROUP, **words: Any) -> str:
        """Make a disk of 4 GB and attach it; give its id."""
        disk = f"{group}/providers/Microsoft.Compute/disks/{name}"
        made = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}
        self.azure.put(f"{disk}?api-version=2024-03-02", {"location": "westus2", "properties": made})
        self.azure.post(
            f"{VM}/attachDetachDataDisks?api-version=2024-07-01",
            {"dataDisksToAttach": [{"diskId": disk, "lun": lun, **words}]},
        )
        return disk

    def tag(self, path: str, **tags: str) -> None:
        """Add tags to a resource."""
        change = {"operation": "Merge", "properties": {"tags": tags}}
        self.azure.patch(f"{path}/providers/Microsoft.Resources/tags/default?api-version=2024-03-01", change)

    def untag(self, path: str, **tags: str) -> None:
        """Remove tags from a resource."""
        change = {"operation": "Delete", "properties": {"tags": tags}}
        self.azure.patch(f"{path}/providers/Microsoft.Resources/tags/default?api-version=2024-03-01", change)

    def rules(self) -> dict[str, Any]:
        """Give the rules by their names."""
        return {rule["name"]: rule["properties"] for rule in self.see(NSG)["properties"]["securityRules"]}

    def disks(self) -> dict[int, tuple[str, str, str]]:
        """Give name, create option and delete option of the VM's data disks, by lun."""
        found = self.see(VM)["properties"]["storageProfile"]["dataDisks"]
        return {disk["lun"]: (disk["name"], disk["createOption"], disk["deleteOption"]) for disk in found}

    def tags(self, path: str) -> dict[str, str]:
        """Give the tags of a resource that are not vmops' own."""
        return {name: value for name, value in self.see(path).get("tags", {}).items() if not name.startswith("vmops-")}

    def vm_id(self) -> str:
        """Give Azure's own id of the VM."""
        return str(self.see(VM)["properties"]["vmId"])


@pytest.fixture
def hand(azure: Azure) -> Hand:
    return Hand(azure)


def refused(ops: VMOps, azure: Azure, params: Params, *words: str) -> None:
    """Expect a provision and its plan to be refused as a conflict with these words, and nothing written."""
    before = azure.writes()
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure is not None
    assert failure.kind is FailureKind.CONFLICT
    assert [word for word in words if word not in str(failure)] == [], str(failure)
    assert azure.writes() == before
    with pytest.raises(OperationFailed, match=words[0].replace("*", r"\*")):
        ops.plan(params)


def test_a_foreign_security_rule_survives_a_change_of_ports(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy
) -> None:
    """Just-in-time access adds such a rule. It is kept and listed, also by the plan, while our rules change."""
    provision(PARAMS)
    hand.open()
    ports: dict[str, Any] = {"destinationPortRange": None, "destinationPortRanges": ["80", "443"]}
    there = {"direction": "Outbound", "destinationAddressPrefix": "Internet", "description": "no way out", **ports}
    hand.open("web", priority=310, protocol="Tcp", access="Deny", **there)
    before = hand.rules()
    said = ["rule hole allows * from *", "rule web denies 80, 443 to Internet"]
    assert [step["resource"] for step in ops.plan(PORTS) if step["operation"] == "keep"] == said
    assert provision(PORTS)["notOurs"] == [f"{each}: kept" for each in said]
    after = hand.rules()
    assert set(after) == {"tcp-22", "tcp-80", "hole", "web"}
    plain = lambda rule: {name: each for name, each in rule.items() if name != "provisioningState" and each}  # noqa: E731
    assert all(plain(after[name]) == plain(before[name]) for name in ("hole", "web"))
    assert provision(PARAMS)["notOurs"] == [f"{each}: kept" for each in said]
    assert set(hand.rules()) == {"tcp-22", "hole", "web"}, "a port of ours is closed beside it"


def test_a_removed_foreign_part_is_not_restored(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """The engine's inputs had it, but it is not ours to create."""
    provision(PARAMS)
    hand.open()
    hand.tag(NIC, costcenter="7")
    disk = hand.attach("bigdisk", 5)
    assert len(provision(PORTS)["notOurs"]) == 3
    azure.delete(f"{NSG}/securityRules/hole?api-version=2024-05-01")
    hand.untag(NIC, costcenter="7")
    azure.post(f"{VM}/attachDetachDataDisks?api-version=2024-07-01", {"dataDisksToDetach": [{"diskId": disk}]})
    assert "notOurs" not in provision({**PORTS, "vmSize": "Standard_D4s_v5"})
    assert (set(hand.rules()), hand.disks(), hand.tags(NIC)) == ({"tcp-22", "tcp-80"}, {}, {})


def test_foreign_disks_stay_attached_and_survive_the_vm(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy
) -> None:
    """Each stays at its lun, in any order, also through a change of ours. A removal keeps them."""
    provision({**PARAMS, "dataDisks": [16]})
    disks = {hand.attach("bigdisk", 5, caching="ReadOnly"), hand.attach("small", 3, deleteOption="Delete")}
    vm = hand.vm_id()
    result = provision({**PARAMS, "dataDisks": [32, 8], "vmSize": "Standard_D4s_v5"})
    assert sorted(result["notOurs"]) == ["disk bigdisk at lun 5: kept", "disk small at lun 3: kept"]
    assert hand.vm_id() == vm
    assert hand.disks() == {
        0: ("y1-data-0", "Empty", "Delete"),
        1: ("y1-data-1", "Empty", "Delete"),
        3: ("small", "Attach", "Detach"),
        5: ("bigdisk", "Attach", "Detach"),
    }
    cached = {disk["lun"]: disk["caching"] for disk in hand.see(VM)["properties"]["storageProfile"]["dataDisks"]}
    assert cached[5] == "ReadOnly"
    provision({**PARAMS, "dataDisks": [32]})
    assert set(hand.disks()) == {0, 3, 5}, "ours goes, those of others stay"
    ops.vm_deprovision(PARAMS)
    ops.wait_vm_deployment(False, PARAMS)
    assert {each for each in azure.ids() if "/disks/" in each} == disks


def test_a_small_foreign_disk_does_not_fail_a_provision(azure: Azure, hand: Hand, provision: Deploy) -> None:
    """Disks are matched by lun: ours of 16 GB is not compared with theirs of 4 GB."""
    provision(PARAMS)
    hand.attach("bigdisk", 5)
    provision({**PARAMS, "dataDisks": [16]})
    provision({**PARAMS, "dataDisks": [16], "vmPorts": [22, 80]})
    assert set(hand.disks()) == {0, 5}
    assert not [each for each in azure.writes() if each.endswith("/deallocate")]


def test_foreign_tags_stay_on_every_resource(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy, deprovision: Deploy
) -> None:
    """A change of ours keeps all tags of policies and people, and removes only our own."""
    provision({**PARAMS, "tags": "team=a,run=1"})
    paths = {"y1": VM, "y1-nic": NIC, "y1-nsg": NSG, "y1-ip": ADDRESS, "y1-vnet": VNET, "vmops-y1": GROUP}
    for path in paths.values():
        hand.tag(path, CostCenter="7")
    result = provision({**PORTS, "tags": "team=b"})
    assert set(result["notOurs"]) == {f"tag CostCenter on {name}: kept" for name in paths}
    assert all(hand.tags(path) == {"team": "b", "CostCenter": "7"} for path in paths.values())
    again = provision({**BIGGER, "tags": {}})
    assert set(again["notOurs"]) == set(result["notOurs"]), "the engine has been told of it, and knows whose it is"
    assert all(hand.tags(path) == {"CostCenter": "7"} for path in paths.values())
    steps = ops.plan({**BIGGER, "tags": {}})
    assert {step["operation"] for step in steps} == {"keep"}
    deprovision(PARAMS)
    assert azure.ids() == set()


def test_a_tag_of_ours_in_another_case_is_ours(hand: Hand, provision: Deploy) -> None:
    """ARM compares tag names without case: it is written as requested, and once."""
    provision({**PARAMS, "tags": "team=a"})
    hand.tag(NIC, TEAM="x")
    assert "notOurs" not in provision({**PORTS, "tags": "team=b"})
    assert hand.tags(NIC) == {"team": "b"}


def test_a_foreign_tag_value_is_not_overwritten(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """Requesting another value is refused by name. With the same value the tag becomes ours, and is removed as ours."""
    provision(PARAMS)
    hand.tag(NIC, Env="prod")
    refused(ops, azure, {**PARAMS, "tags": "env=test"}, "tag Env on y1-nic", "'prod'", "'test'", "leave it out of tags")
    assert "notOurs" not in provision({**PARAMS, "tags": "env=prod"})
    provision(PARAMS)
    assert hand.tags(NIC) == {}


def test_the_limit_of_fifty_tags_includes_foreign_tags(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """Four are reserved for vmops' own tags. The 51st is refused before anything is made."""
    provision(PARAMS)
    hand.tag(NIC, **{f"k{number}": "v" for number in range(45)})
    refused(ops, azure, {**PARAMS, "tags": "a=1,b=2"}, "51 tags, 45 of them of others")
    provision({**PARAMS, "tags": "a=1"})


def test_more_disks_than_the_size_supports_are_refused(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """Standard_B2s supports four, foreign disks included."""
    provision({**PARAMS, "dataDisks": [4, 4, 4]})
    hand.attach("bigdisk", 9)
    refused(ops, azure, {**PARAMS, "dataDisks": [4] * 4}, "5 data disks, 1 of them of others", "Standard_B2s bears: 4")


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("hole", {"priority": 1001}, ("rule hole allows * from *", "priority 1001")),
        ("tcp-80", {"access": "Deny"}, ("rule tcp-80 denies * from *", "the name of a rule that vmPorts asks for")),
    ],
)
def test_a_foreign_rule_that_conflicts_is_refused(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy, name: str, changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    """The refusal names it and a remedy. Without the conflicting port it is kept like any other rule."""
    provision(PARAMS)
    hand.open(name, **changes)
    refused(ops, azure, PORTS, *words, "or change vmPorts")
    provision(BIGGER)
    refused(ops, azure, {**PORTS, **BIGGER, "vmPorts": [22, 80]}, *words)
    assert set(hand.rules()) == {"tcp-22", name}


def test_an_outbound_rule_with_the_same_priority_does_not_conflict(hand: Hand, provision: Deploy) -> None:
    """Each direction has its own priorities."""
    provision(PARAMS)
    hand.open("out", priority=1001, direction="Outbound")
    assert provision(PORTS)["notOurs"] == ["rule out allows * to *: kept"]


def test_a_foreign_disk_that_conflicts_is_refused(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """It is at a lun that we need, or has the name of our disk."""
    provision(PARAMS)
    hand.attach("bigdisk", 0)
    refused(ops, azure, {**PARAMS, "dataDisks": [8]}, "disk bigdisk at lun 0", "attach that disk at lun 1 or above")
    hand.attach("y1-data-1", 3)
    assert sorted(provision(BIGGER)["notOurs"]) == ["disk bigdisk at lun 0: kept", "disk y1-data-1 at lun 3: kept"]


def test_a_changed_security_rule_of_ours_is_repaired(hand: Hand, provision: Deploy) -> None:
    """It has our name, and the engine's state says that it is ours."""
    provision(PORTS)
    hand.open("tcp-80", priority=1001, access="Deny", protocol="Tcp")
    provision({**PARAMS, "vmPorts": [22, 80, 443]})
    assert {name: rule["access"] for name, rule in hand.rules().items()} == dict.fromkeys(
        ("tcp-22", "tcp-80", "tcp-443"), "Allow"
    )


@pytest.mark.parametrize(
    "login",
    [
        {"authenticationType": "password", "adminPasswordOrKey": "Correct-horse-7-battery"},
        {"customData": "#cloud-config\n"},
    ],
    ids=["password", "custom data"],
)
def test_foreign_parts_do_not_replace_a_vm_with_secrets(hand: Hand, provision: Deploy, login: Params) -> None:
    """ARM returns no secrets; sending foreign parts is only an update of the VM."""
    provision({**PARAMS, **login})
    vm = hand.vm_id()
    hand.tag(VM, costcenter="7")
    hand.attach("bigdisk", 2)
    assert len(provision({**BIGGER, **login})["notOurs"]) == 2
    assert (hand.vm_id(), hand.tags(VM), set(hand.disks())) == (vm, {"costcenter": "7"}, {2})


def test_foreign_parts_survive_a_refresh(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """After a VM was deleted by hand the engine reads everything again, and foreign parts are in its inputs."""
    provision({**PARAMS, "tags": "team=a"})
    hand.open()
    hand.tag(NIC, costcenter="7")
    azure.delete(f"{VM}?api-version=2024-07-01")
    said = {"rule hole allows * from *: kept", "tag costcenter on y1-nic: kept"}
    assert set(provision({**PARAMS, "tags": "team=a"})["notOurs"]) == said
    assert set(provision(PORTS)["notOurs"]) == said
    assert hand.tags(NIC) == {"costcenter": "7"}
    assert set(hand.rules()) == {"hole", "tcp-22", "tcp-80"}


def test_foreign_parts_survive_a_lost_state(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy, state_dir: Any
) -> None:
    """Then our parts are those with our names and form: only a closed port and a removed disk of ours go."""
    provision({**PORTS, "dataDisks": [4, 4]})
    hand.open()
    hand.tag(NIC, costcenter="7")
    hand.attach("bigdisk", 6)
    for path in (state_dir / "backend").rglob("*.json*"):
        path.unlink()
    result = provision({**PARAMS, "dataDisks": [4]})
    assert set(result["notOurs"]) == {
        "rule hole allows * from *: kept",
        "tag costcenter on y1-nic: kept",
        "disk bigdisk at lun 6: kept",
    }
    assert (set(hand.rules()), set(hand.disks()), hand.tags(NIC)) == ({"tcp-22", "hole"}, {0, 6}, {"costcenter": "7"})


def test_foreign_parts_survive_a_failed_update(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """Parts that are not known to be ours count as foreign."""
    provision({**PARAMS, "tags": "team=a"})
    hand.tag(NIC, costcenter="7")
    azure.fault({"method": "PUT", "path": VM, "effect": {"do": "refuse", "code": "AuthorizationFailed"}})
    changed = {**BIGGER, "tags": "team=a"}
    assert ops.vm_provision(changed)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, changed)[0] is Status.FAILED
    azure.let_go()
    for params in (changed, {**BIGGER, "tags": {}}):
        assert provision(params)["notOurs"] == ["tag costcenter on y1-nic: kept"]
    assert hand.tags(NIC) == {"costcenter": "7"}


def test_foreign_parts_survive_a_replacement(hand: Hand, provision: Deploy) -> None:
    """Another user name replaces the VM; disk and tag move to the new one."""
    provision(PARAMS)
    vm, disk = hand.vm_id(), hand.attach("bigdisk", 2)
    hand.tag(VM, costcenter="7")
    result = provision({**PARAMS, "adminUsername": "ada"})
    assert set(result["notOurs"]) == {"disk bigdisk at lun 2: kept", "tag costcenter on y1: kept"}
    assert hand.vm_id() != vm
    assert hand.see(disk)["managedBy"] == VM


def test_a_foreign_disk_of_another_group_is_kept(azure: Azure, hand: Hand, provision: Deploy) -> None:
    """It is matched by its id, although it has the name of our disk."""
    provision(PARAMS)
    other = GROUP.replace("vmops-y1", "theirs")
    azure.put(f"{other}?api-version=2024-03-01", {"location": "westus2"})
    disk = hand.attach("y1-data-1", 1, group=other)
    assert provision(PORTS)["notOurs"] == ["disk y1-data-1 at lun 1: kept"]
    assert hand.see(disk)["managedBy"] == VM
