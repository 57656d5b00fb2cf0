"""Digests never change: a changed digest would deploy a VM again without a request."""

from typing import Any

import pytest
from pydantic import Field

from vmops.spec.vm_spec import VmSpec

KEY = bytes(range(32))
LOGIN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43

# The digests of the code of 5486b2a, the first that must stay valid, with this key.
GOLDEN: dict[str, tuple[dict[str, Any], str]] = {
    "nothing but a name": ({}, "c6ef2d168650fcf1028674e7c433fa6af2b934bbd46d67fdd91ed50085df298f"),
    "a key": (
        {"adminPasswordOrKey": LOGIN, "adminUsername": "ada"},
        "251235a7d3c60fb8c2a8c7fac9b5654cb6a6a6a086c86a06eec43937c07746f9",
    ),
    "a password and custom data": (
        {
            "authenticationType": "password",
            "adminPasswordOrKey": "Tr0ub4dor&3",
            "customData": "#!/bin/sh\necho \u00e9\n",
        },
        "7fea971c7ab9b0ed14b5a01bb91f207a7eea2014a092e9d01be5ce68b326822e",
    ),
    "a real cloud": (
        {
            "cloud": "public",
            "subscription": "01234567-89ab-cdef-0123-456789abcdef",
            "sourceAddressPrefixes": "192.0.2.0/24,198.51.100.7",
        },
        "0e53e1e3008559733d249f8668f20921ed290f1b47b48e41617600dbcdb88c27",
    ),
    "named by the user": (
        {
            "resourceGroup": "Lab",
            "virtualNetworkName": "Net",
            "subnetName": "sub",
            "networkSecurityGroupName": "nsg",
        },
        "3939375468c8b6695f31a30a6d7f1bdea515ce9c132b0d33a3114a300a9f0ce8",
    ),
    "networks": (
        {
            "location": "West Europe",
            "addressPrefix": "10.1.0.0/16",
            "subnetPrefix": "10.1.2.0/24",
            "vmPorts": "22,80,443",
            "dnsLabelPrefix": "exp1-ada",
        },
        "c77d8025150c8bd59d29541f740d10d62f7cf357fb624408a0058e641a5bf062",
    ),
    "disks": (
        {
            "vmSize": "Standard_D4ps_v5",
            "osDiskSizeGB": 64,
            "osDiskType": "Premium_LRS",
            "dataDisks": "128,256",
            "zone": "2",
        },
        "0962fc846f295708f8f076c8f992e509e7b03afab2b8a1c17e0347e95e9b6d3c",
    ),
    "spot": (
        {"vmSize": "Standard_D2s_v5", "priority": "Spot", "maxPrice": 0.05, "evictionPolicy": "Delete"},
        "362d16ff3eb201834a0294590e8919adee8c0e7779eb4ea9f34261aa364b6ae3",
    ),
    "an image and no way in": (
        {"ubuntuOSVersion": "22.04-LTS", "publicIp": False, "vmPorts": []},
        "4bda691c9b686a0ccc6fceb006871e7a4800e50cf6229c2039d8a7dab2e1795f",
    ),
    "tags, and what no deployment depends on": (
        {
            "tags": "b=2,a=1",
            "ttl": "2h",
            "stopMode": "deallocate",
            "waitFor": "ssh",
            "pollTimeout": 0,
            "deployTimeout": "30m",
        },
        "8823cff48bf6e483afbf00bd4b46f66d499b2a0c2c0c55fc1011d2309b0be279",
    ),
}


class Later(VmSpec):
    """A spec of a later version, with additional parameters."""

    trusted_launch: bool = False
    proximity: str | None = None
    host_groups: dict[str, str] = Field(default_factory=dict)


@pytest.mark.parametrize("kind", [VmSpec, Later])
@pytest.mark.parametrize(("params", "digest"), GOLDEN.values(), ids=GOLDEN)
def test_digests_equal_those_of_the_first_version(kind: type[VmSpec], params: dict[str, Any], digest: str) -> None:
    """An old record still matches the VM's parameters."""
    assert kind.from_params({"vmName": "Exp1", **params}).digest(KEY) == digest


@pytest.mark.parametrize(
    ("name", "default", "other"),
    [("trustedLaunch", False, True), ("proximity", None, "near"), ("hostGroups", {}, {"a": "b"})],
)
def test_a_new_parameter_is_in_the_digest_only_off_its_default(name: str, default: object, other: object) -> None:
    """An explicit default changes nothing; any other value does."""
    plain = VmSpec.from_params({"vmName": "exp1"}).digest(KEY)
    assert Later.from_params({"vmName": "exp1", name: default}).digest(KEY) == plain
    assert Later.from_params({"vmName": "exp1", name: other}).digest(KEY) != plain
