"""The identity of a VM, and the names of its resources."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.spec import names
from vmops.spec.names import Identity, computer_name, data_disk, default_group, default_name
from vmops.spec.vm_spec import VmSpec

SUBSCRIPTION = "01234567-89ab-cdef-0123-456789abcdef"
vm_names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?", fullmatch=True)


def identity(**pieces: str) -> Identity:
    return Identity(
        **{"cloud": "public", "subscription": SUBSCRIPTION, "resource_group": "lab", "vm_name": "exp1", **pieces}
    )


def test_stack_names_never_change() -> None:
    """They are in every existing state."""
    assert identity().stack == "exp1-c7f047c1"


@pytest.mark.parametrize(
    "other", [{"cloud": "china"}, {"subscription": "f" * 8}, {"resource_group": "lab2"}, {"vm_name": "exp2"}]
)
def test_each_part_of_the_identity_changes_the_stack(other: dict[str, str]) -> None:
    """Each piece of the identity tells two VMs apart."""
    assert identity(**other).stack != identity().stack


def test_case_does_not_change_the_stack() -> None:
    """Resource Manager compares names without case, and so does a stack's name."""
    assert identity(vm_name="EXP1", resource_group="Lab", subscription=SUBSCRIPTION.upper()).stack == identity().stack


def test_parts_of_the_identity_are_separated_in_the_hash() -> None:
    """Two identities whose concatenated parts are equal have different hashes."""
    first, second = identity(resource_group="a", vm_name="bc"), identity(resource_group="ab", vm_name="c")
    assert first.stack.rpartition("-")[2] != second.stack.rpartition("-")[2]


@given(vm_names)
def test_every_vm_name_gives_a_valid_stack_name(name: str) -> None:
    """Pulumi takes letters, digits, '-', '_' and '.', at most 100 of them."""
    assert re.fullmatch(r"[a-z0-9_.-]{1,100}", identity(vm_name=name).stack)


@given(vm_names)
def test_every_vm_name_gives_a_valid_host_name(name: str) -> None:
    """A Linux host name has no underscore and ends with a letter or digit."""
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", computer_name(name))


@given(vm_names | st.text("ab", min_size=59, max_size=64))
def test_every_vm_name_gives_valid_resource_names(name: str) -> None:
    """Whatever a VM may be called, the names that follow from it are Azure's too, the shortest of limits included."""
    assert VmSpec.from_params({"vmName": name}).named_roles == frozenset()


def test_shortened_names_of_different_vms_differ() -> None:
    """A network's name is too short for the whole of a long VM's; two VMs do not come to share one for that."""
    first, second = (default_name("network", "a" * 63 + end) for end in "bc")
    assert first != second
    assert default_name("network", "A" * 63 + "B").lower() == first


def test_only_too_long_names_are_shortened() -> None:
    """Names stay unchanged within their limits; otherwise a VM would be searched for under another name."""
    assert [default_name("network", "a" * length) for length in (58, 59)] == ["a" * 58 + "-vnet", "a" * 59 + "-vnet"]
    assert len(default_name("network", "a" * 60)) == 64
    assert [default_name(role, "a" * 64) for role in ("nic", "os_disk")] == ["a" * 64 + "-nic", "a" * 64 + "-osdisk"]


def test_default_names_are_derived_from_the_vm_name() -> None:
    """The names are known before anything exists, so that recovery can ask for each."""
    roles = ("network", "subnet", "security_group", "address", "nic", "os_disk")
    assert [default_name(role, "exp1") for role in roles] == [
        "exp1-vnet",
        "exp1-subnet",
        "exp1-nsg",
        "exp1-ip",
        "exp1-nic",
        "exp1-osdisk",
    ]
    assert (default_group("exp1"), data_disk("exp1", 2)) == ("vmops-exp1", "exp1-data-2")


def test_every_resource_of_a_spec_has_an_arm_id() -> None:
    """Recovery reads these ids."""
    spec = VmSpec.from_params(
        {"vmName": "exp1", "resourceGroup": "lab", "subscription": SUBSCRIPTION, "dataDisks": "64,64"}
    )
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/lab"
    assert spec.ids() == {
        "group": group,
        "network": f"{group}/providers/Microsoft.Network/virtualNetworks/exp1-vnet",
        "subnet": f"{group}/providers/Microsoft.Network/virtualNetworks/exp1-vnet/subnets/exp1-subnet",
        "security_group": f"{group}/providers/Microsoft.Network/networkSecurityGroups/exp1-nsg",
        "address": f"{group}/providers/Microsoft.Network/publicIPAddresses/exp1-ip",
        "nic": f"{group}/providers/Microsoft.Network/networkInterfaces/exp1-nic",
        "vm": f"{group}/providers/Microsoft.Compute/virtualMachines/exp1",
        "os_disk": f"{group}/providers/Microsoft.Compute/disks/exp1-osdisk",
        "data_disk_0": f"{group}/providers/Microsoft.Compute/disks/exp1-data-0",
        "data_disk_1": f"{group}/providers/Microsoft.Compute/disks/exp1-data-1",
    }
    assert (spec.vm_id, spec.group_id) == (spec.ids()["vm"], group)


def test_without_public_ip_there_is_no_address_id() -> None:
    """A resource that is not intended is never searched for, adopted or deleted."""
    assert "address" not in VmSpec.from_params({"vmName": "exp1", "publicIp": "no"}).ids()


def test_urn_key_matches_an_arm_id_in_any_case() -> None:
    """It is empty for types that no stack declares."""
    spec = VmSpec.from_params({"vmName": "exp1"})
    assert sorted(spec.urn_keys().values()) == sorted(spec.ids()[role] for role in spec.ids().keys() - {"os_disk"})
    for key, arm_id in spec.urn_keys().items():
        assert names.urn_key(arm_id) == key
        assert names.urn_key(arm_id.replace("resourceGroups", "resourcegroups")) == key
    assert names.urn_key(f"{spec.group_id}/providers/Microsoft.Compute/snapshots/exp1") == ""
    apart = VmSpec.from_params({"vmName": "exp1", "dataDisks": 8, "dataDiskType": "PremiumV2_LRS"})
    assert set(apart.urn_keys()) - set(spec.urn_keys()) == {"azure-native:compute:Disk::exp1-data-0"}


def test_external_roles_have_no_urn_key() -> None:
    """And so not intended."""
    spec = VmSpec.from_params({"vmName": "exp1"})
    used = frozenset({"group", "network"})
    assert set(spec.urn_keys()) - set(spec.urn_keys(used)) == {
        names.urn_key(spec.ids()["group"]),
        names.urn_key(spec.ids()["network"]),
    }
