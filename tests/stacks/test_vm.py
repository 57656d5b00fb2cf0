"""What a spec declares: the requests to the engine that register resources."""

import base64
import gzip
from pathlib import Path
from runpy import run_path
from typing import Any

import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import get_root_resource, mocks, rpc, set_mocks
from pulumi.runtime import test as run_program
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack

from vmops import stacks
from vmops.core.errors import SpecError
from vmops.spec.foreign import ForeignParts
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.machine import machine
from vmops.stacks.network import group, network, security_group, subnet
from vmops.stacks.vm import declare, touch

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
OWNER = "ada"
THEIRS = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shared/providers"


class Arm(mocks.Mocks):
    """Answers creates as Resource Manager would: with the request, and with the values that only it knows."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"a program that only declares calls {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        known: dict[str, Any] = {**args.inputs, "name": args.name}
        if args.typ.endswith(":PublicIPAddress"):
            known |= {"ipAddress": "203.0.113.7", "dnsSettings": {**args.inputs.get("dnsSettings", {}), "fqdn": "x.y"}}
        if given := (args.inputs.get("identity") or {}).get("userAssignedIdentities"):
            known["identity"] = {**args.inputs["identity"], "userAssignedIdentities": {name: {} for name in given}}
        if args.typ.endswith(":NetworkInterface"):
            known["ipConfigurations"] = [{"privateIPAddress": "10.0.0.4"}]
        return f"/id/of/{args.name}", known


class Engine(mocks.MockMonitor):
    """Keeps every request that registers a resource."""

    def __init__(self) -> None:
        super().__init__(Arm())
        self.requests: dict[str, resource_pb2.RegisterResourceRequest] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        if request.type != "pulumi:pulumi:Stack":
            self.requests[f"{request.type.rpartition(':')[2]} {request.name}"] = request
        return super().RegisterResource(request)

    def inputs(self, resource: str) -> Any:
        """Return a resource's inputs, with plain secrets."""
        return clear(MessageToDict(self.requests[resource].object))


def spec_of(**params: object) -> VmSpec:
    return VmSpec.from_params({"vmName": "exp1", "adminPasswordOrKey": KEY, **params})


def run(program: Any) -> Engine:
    engine = Engine()
    set_mocks(engine.mocks, project="vmops", stack="exp1", monitor=engine)
    run_program(program)()
    return engine


def declared(spec: VmSpec, **options: Any) -> tuple[Engine, dict[str, Any]]:
    outputs: dict[str, Any] = {}

    def program() -> Any:
        return pulumi.Output.all(**declare(spec, owner=OWNER, **options)).apply(outputs.update)

    return run(program), outputs


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and rpc._special_sig_key in value


def clear(value: Any) -> Any:
    """Return a value of the protocol with its secrets unwrapped."""
    if isinstance(value, list):
        return [clear(item) for item in value]
    if is_secret(value):
        return clear(value["value"])
    return {name: clear(item) for name, item in value.items()} if isinstance(value, dict) else value


def lay_over(whole: dict[str, Any], part: dict[str, Any]) -> None:
    """Merge one tree into another, in place."""
    for name, value in part.items():
        if isinstance(value, dict) and name in whole:
            lay_over(whole[name], value)
        else:
            whole[name] = value


def secrets_in(value: Any, path: str = "") -> dict[str, str]:
    """Find the secrets in a value of the protocol, by their paths."""
    if is_secret(value):
        return {path: value["value"]}
    found: dict[str, str] = {}
    for name, item in value.items() if isinstance(value, dict) else ():
        found |= secrets_in(item, f"{path}.{name}".lstrip("."))
    return found


def test_seven_resources_have_the_names_that_the_spec_knows() -> None:
    """Every intended resource has a known ARM id and URN before it exists."""
    spec = spec_of()
    engine, _ = declared(spec)
    assert {f"{r.type}::{r.name}" for r in engine.requests.values()} == set(spec.urn_keys())
    for resource, name in {
        "ResourceGroup vmops-exp1": "resourceGroupName",
        "VirtualNetwork exp1-vnet": "virtualNetworkName",
        "Subnet exp1-subnet": "subnetName",
        "NetworkSecurityGroup exp1-nsg": "networkSecurityGroupName",
        "PublicIPAddress exp1-ip": "publicIpAddressName",
        "NetworkInterface exp1-nic": "networkInterfaceName",
        "VirtualMachine exp1": "vmName",
    }.items():
        assert engine.inputs(resource)[name] == resource.split()[1]


def test_everything_that_can_be_tagged_has_its_owner() -> None:
    """Ownership is by tag; the time of expiry is on the VM only."""
    spec = spec_of(tags="purpose=bench")
    engine, _ = declared(spec, expires="2030-01-01T00:00:00Z")
    tags = {name: engine.inputs(name).get("tags") for name in engine.requests}
    ours = {"purpose": "bench", "vmops-stack": spec.stack, "vmops-owner": OWNER}
    assert tags.pop("VirtualMachine exp1") == {**ours, "vmops-expires": "2030-01-01T00:00:00Z"}
    assert tags.pop("Subnet exp1-subnet") is None
    assert tags == dict.fromkeys(tags, ours)


def test_dependencies_follow_the_order_in_which_arm_can_make_and_delete() -> None:
    """Nothing is made before its group; a subnet waits for its network, which it names by a plain string."""
    engine, _ = declared(spec_of())
    needs = {name: {urn.split("::")[-1] for urn in request.dependencies} for name, request in engine.requests.items()}
    assert needs["ResourceGroup vmops-exp1"] == set()
    assert all("vmops-exp1" in needs[name] for name in needs if not name.startswith("ResourceGroup"))
    assert "exp1-vnet" in needs["Subnet exp1-subnet"]
    assert needs["NetworkInterface exp1-nic"] >= {"exp1-subnet", "exp1-nsg", "exp1-ip"}
    assert "exp1-nic" in needs["VirtualMachine exp1"]


@pytest.mark.parametrize("authentication", ["password", "sshPublicKey"])
def test_password_and_custom_data_are_secrets_in_the_state(authentication: str) -> None:
    """A secret reaches the engine marked as one, so that the state encrypts it."""
    credential = "Tr0ub4dor&3" if authentication == "password" else KEY
    spec = spec_of(authenticationType=authentication, adminPasswordOrKey=credential, customData="#cloud-config\n")
    engine, _ = declared(spec)
    secrets = secrets_in(MessageToDict(engine.requests["VirtualMachine exp1"].object))
    custom_data = base64.b64encode(b"#cloud-config\n").decode()
    expected = {"osProfile.customData": custom_data}
    if authentication == "password":
        expected["osProfile.adminPassword"] = credential
    assert secrets == expected


def test_gzipped_custom_data_is_not_encoded_twice() -> None:
    """cloud-init decompresses gzip itself, and decodes base64 only once."""
    packed = gzip.compress(b"#cloud-config\n", mtime=0)
    for given in (packed, base64.b64encode(packed).decode()):
        vm = declared(spec_of(customData=given))[0].inputs("VirtualMachine exp1")
        assert base64.b64decode(vm["osProfile"]["customData"]) == packed


def test_a_password_and_a_key_exclude_each_other() -> None:
    """Password log-in is off with a key, and no key is sent with a password."""
    with_key = declared(spec_of())[0].inputs("VirtualMachine exp1")["osProfile"]["linuxConfiguration"]
    assert with_key == {
        "disablePasswordAuthentication": True,
        "ssh": {"publicKeys": [{"path": "/home/mlos/.ssh/authorized_keys", "keyData": KEY}]},
    }
    spec = spec_of(authenticationType="password", adminPasswordOrKey="Tr0ub4dor&3")
    with_password = declared(spec)[0].inputs("VirtualMachine exp1")["osProfile"]["linuxConfiguration"]
    assert with_password == {"disablePasswordAuthentication": False}


def test_the_vm_is_replaced_for_exactly_what_arm_refuses_to_change() -> None:
    """Image, custom data, user, password and key replace the VM, after a delete; every such path exists."""
    spec = spec_of(authenticationType="password", adminPasswordOrKey="Tr0ub4dor&3", customData="x")
    engine, _ = declared(spec)
    with_key, _ = declared(spec_of())
    request = engine.requests["VirtualMachine exp1"]
    assert request.deleteBeforeReplace
    assert set(request.replaceOnChanges) == {
        "osProfile.adminUsername",
        "osProfile.adminPassword",
        "osProfile.customData",
        "osProfile.linuxConfiguration.disablePasswordAuthentication",
        "osProfile.linuxConfiguration.ssh",
        "storageProfile.imageReference",
    }
    for path in request.replaceOnChanges:
        source = with_key if path.endswith("ssh") else engine
        value = source.inputs("VirtualMachine exp1")
        for name in path.split("."):
            value = value[name]
        assert value is not None
    others = [name for name, other in engine.requests.items() if other.replaceOnChanges]
    assert others == ["VirtualMachine exp1"]


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({}, {"vmops-exp1"}),
        ({"virtualNetworkName": "lab-net"}, {"vmops-exp1", "lab-net"}),
        (
            {"virtualNetworkName": "lab-net", "subnetName": "lab-subnet", "networkSecurityGroupName": "lab-nsg"},
            {"vmops-exp1", "lab-net", "lab-subnet", "lab-nsg"},
        ),
    ],
)
def test_resources_that_others_may_share_are_not_deleted_with_the_stack(params: dict[str, str], kept: set[str]) -> None:
    """The group, and resources that the user named, are left to a removal that checks their users."""
    engine, _ = declared(spec_of(**params))
    assert {request.name for request in engine.requests.values() if request.retainOnDelete} == kept


def test_external_resources_are_referred_to_and_never_declared() -> None:
    """A named resource that exists without our tag is used, never changed or deleted."""
    names = {"resourceGroup": "lab", "virtualNetworkName": "net", "subnetName": "s", "networkSecurityGroupName": "nsg"}
    spec = spec_of(**names)
    engine, _ = declared(spec, external=frozenset({"group", "network", "subnet", "security_group"}))
    assert set(engine.requests) == {"PublicIPAddress exp1-ip", "NetworkInterface exp1-nic", "VirtualMachine exp1"}
    nic = engine.inputs("NetworkInterface exp1-nic")
    assert nic["ipConfigurations"][0]["subnet"]["id"] == spec.ids()["subnet"]
    assert nic["networkSecurityGroup"]["id"] == spec.ids()["security_group"]


def test_a_subnet_can_be_made_in_an_external_network() -> None:
    """The subnet is ours even if its network is not, and the network's other subnets are never changed."""
    engine, _ = declared(spec_of(virtualNetworkName="lab-net"), external=frozenset({"network"}))
    assert "VirtualNetwork lab-net" not in engine.requests
    assert engine.inputs("Subnet exp1-subnet")["virtualNetworkName"] == "lab-net"


def test_a_subnet_by_its_id_leaves_no_network_to_declare() -> None:
    """It is external: neither network nor subnet is declared, or among the resources that a removal checks."""
    subnet_id = f"{THEIRS}/Microsoft.Network/virtualNetworks/net/subnets/lab"
    spec = spec_of(subnetId=subnet_id, location="westus2")
    engine, _ = declared(spec)
    assert not [name for name in engine.requests if name.startswith(("VirtualNetwork", "Subnet"))]
    assert engine.inputs("NetworkInterface exp1-nic")["ipConfigurations"][0]["subnet"]["id"] == subnet_id
    assert not {"network", "subnet"} & spec.ids().keys()
    assert not [arm_id for arm_id in spec.own_ids() if "virtualNetworks" in arm_id]


@pytest.mark.parametrize(
    ("image_id", "name"),
    [
        (f"{THEIRS}/Microsoft.Compute/images/lab", "id"),
        ("/CommunityGalleries/g-1/Images/lab/Versions/1.0.0", "communityGalleryImageId"),
    ],
)
def test_an_image_is_named_by_its_id_alone(image_id: str, name: str) -> None:
    """ARM has a property for each kind of id; a plan is declared beside it, only if it is given."""
    vm = declared(spec_of(imageId=image_id, plan="a:b:c"))[0].inputs("VirtualMachine exp1")
    assert vm["storageProfile"]["imageReference"] == {name: image_id}
    assert vm["plan"] == {"publisher": "a", "product": "b", "name": "c"}
    assert "plan" not in declared(spec_of())[0].inputs("VirtualMachine exp1")


ME = f"{THEIRS}/Microsoft.ManagedIdentity/userAssignedIdentities/me"
OTHER = f"{THEIRS}/Microsoft.ManagedIdentity/userAssignedIdentities/other"
CONFIGURED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "its own identity": ({"managedIdentity": "System"}, {"identity": {"type": "SystemAssigned"}}),
    "identities": (
        {"managedIdentity": f"{OTHER},{ME}"},
        {"identity": {"type": "UserAssigned", "userAssignedIdentities": [ME, OTHER]}},
    ),
    "both": (
        {"managedIdentity": [ME, "system"]},
        {"identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": [ME]}},
    ),
    "trusted launch": (
        {"securityType": "trustedLaunch", "secureBoot": True, "vTpm": "no"},
        {
            "securityProfile": {
                "securityType": "TrustedLaunch",
                "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": False},
            }
        },
    ),
    "a controller": ({"diskControllerType": "nvme"}, {"storageProfile": {"diskControllerType": "NVMe"}}),
    "caching": ({"osDiskCaching": "readonly"}, {"storageProfile": {"osDisk": {"caching": "ReadOnly"}}}),
    "a console of one's own": (
        {"bootDiagnostics": "https://lab.blob.core.windows.net"},
        {"diagnosticsProfile": {"bootDiagnostics": {"storageUri": "https://lab.blob.core.windows.net"}}},
    ),
    "no console": ({"bootDiagnostics": "off"}, {"diagnosticsProfile": {"bootDiagnostics": {"enabled": False}}}),
    "a place near others": (
        {"proximityPlacementGroup": f"{THEIRS}/Microsoft.Compute/proximityPlacementGroups/near"},
        {"proximityPlacementGroup": {"id": f"{THEIRS}/Microsoft.Compute/proximityPlacementGroups/near"}},
    ),
    "encryption at host": ({"encryptionAtHost": True}, {"securityProfile": {"encryptionAtHost": True}}),
}
"""A parameter of a VM, and what it adds to the declaration."""


@pytest.mark.parametrize(("params", "besides"), CONFIGURED.values(), ids=CONFIGURED)
def test_a_given_parameter_is_declared_and_nothing_else(params: dict[str, Any], besides: dict[str, Any]) -> None:
    """A parameter that is not given is not sent, so the declaration without them stays the same."""
    plain, asked = declared(spec_of())[0], declared(spec_of(**params))[0]
    wanted = {resource: plain.inputs(resource) for resource in plain.requests}
    lay_over(wanted["VirtualMachine exp1"], besides)
    assert {resource: asked.inputs(resource) for resource in asked.requests} == wanted


def test_an_interface_declares_its_parameters() -> None:
    """Speed, address and security group; the decision by the size (``auto``) is made before."""
    plain = declared(spec_of())[0].inputs("NetworkInterface exp1-nic")
    engine, _ = declared(
        spec_of(acceleratedNetworking="yes", privateIpAddress="10.0.0.9", networkSecurityGroupOn="subnet")
    )
    nic, subnet_inputs = engine.inputs("NetworkInterface exp1-nic"), engine.inputs("Subnet exp1-subnet")
    first = nic["ipConfigurations"][0]
    assert (first["privateIPAllocationMethod"], first["privateIPAddress"]) == ("Static", "10.0.0.9")
    assert (nic["enableAcceleratedNetworking"], "networkSecurityGroup" in nic) == (True, False)
    assert subnet_inputs["networkSecurityGroup"]["id"] == "/id/of/exp1-nsg"
    assert not {"enableAcceleratedNetworking"} & plain.keys()
    assert "networkSecurityGroup" not in declared(spec_of())[0].inputs("Subnet exp1-subnet")


def test_an_ephemeral_system_disk_has_no_name() -> None:
    """It is no resource: it is not left behind, searched for or billed."""
    spec = spec_of(ephemeralOsDisk="resource", dataDisks=8, dataDiskCaching="none", dataDiskType="Standard_LRS")
    storage = declared(spec)[0].inputs("VirtualMachine exp1")["storageProfile"]
    assert storage["osDisk"] == {
        "createOption": "FromImage",
        "deleteOption": "Delete",
        "caching": "ReadOnly",
        "diffDiskSettings": {"option": "Local", "placement": "ResourceDisk"},
    }
    assert storage["dataDisks"][0]["caching"] == "None"
    assert storage["dataDisks"][0]["managedDisk"] == {"storageAccountType": "Standard_LRS"}
    assert "os_disk" not in spec.ids()


def test_the_network_does_not_declare_its_subnets() -> None:
    """Inline subnets conflict with separate ones, so the network neither sets nor compares them."""
    engine, _ = declared(spec_of())
    assert list(engine.requests["VirtualNetwork exp1-vnet"].ignoreChanges) == ["subnets"]
    assert "subnets" not in engine.inputs("VirtualNetwork exp1-vnet")


def test_outbound_access_does_not_depend_on_the_api_version() -> None:
    """A newer API version must not disconnect a VM without an address from the internet."""
    engine, _ = declared(spec_of())
    assert engine.inputs("Subnet exp1-subnet")["defaultOutboundAccess"] is True


def test_without_publicip_no_address_is_declared() -> None:
    """The outputs say so, and nothing is billed."""
    engine, outputs = declared(spec_of(publicIp=False))
    assert not [name for name in engine.requests if name.startswith("PublicIPAddress")]
    assert "publicIPAddress" not in engine.inputs("NetworkInterface exp1-nic")["ipConfigurations"][0]
    assert (outputs["publicIp"], outputs["fqdn"]) == (None, None)


def test_outputs_are_exported_as_they_are_returned() -> None:
    """The caller and `pulumi stack output` read the same eight values."""
    spec = spec_of(dnsLabelPrefix="exp1-ada")
    _, outputs = declared(spec)
    assert outputs == {
        "id": "/id/of/exp1",
        "name": "exp1",
        "resourceGroup": "vmops-exp1",
        "location": "westus2",
        "privateIp": "10.0.0.4",
        "publicIp": "203.0.113.7",
        "fqdn": "x.y",
        "adminUsername": "mlos",
    }
    root = get_root_resource()
    assert isinstance(root, Stack)
    assert set(root.outputs) == set(outputs)


def test_deleting_the_vm_deletes_its_disks_and_keeps_its_interface() -> None:
    """Interface and address are separate resources of the stack and survive a replacement."""
    engine, _ = declared(spec_of(dataDisks="64,128", osDiskSizeGB=40))
    vm = engine.inputs("VirtualMachine exp1")
    storage = vm["storageProfile"]
    assert (storage["osDisk"]["name"], storage["osDisk"]["diskSizeGB"]) == ("exp1-osdisk", 40)
    disks = [storage["osDisk"], *storage["dataDisks"]]
    assert [disk["deleteOption"] for disk in disks] == ["Delete"] * 3
    assert [(disk["name"], disk["lun"], disk["diskSizeGB"]) for disk in storage["dataDisks"]] == [
        ("exp1-data-0", 0, 64),
        ("exp1-data-1", 1, 128),
    ]
    assert vm["networkProfile"]["networkInterfaces"][0]["deleteOption"] == "Detach"
    assert engine.inputs("PublicIPAddress exp1-ip")["deleteOption"] == "Detach"


def test_foreign_parts_are_declared_beside_ours() -> None:
    """They are declared unchanged, and nothing else differs; a foreign disk outlives the VM."""
    says = {
        "priority": 300,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "*",
        "provisioningState": "Succeeded",
    }
    lists = {"sourceAddressPrefixes": ["192.0.2.0/24"], "destinationPortRanges": []}
    rule = {"name": "hole", "id": "/hole", "properties": {**says, **lists, "destinationPortRange": "1-9"}}
    disk = {"lun": 5, "name": "big", "caching": "ReadOnly", "diskSizeGB": 9, "managedDisk": {"id": "/big", "x": "y"}}
    plain, _ = declared(spec_of())
    tags = {"nic": {"cost": "7"}, "group": {"cost": "8"}}
    beside, _ = declared(spec_of(), foreign=ForeignParts(tags, (rule,), (disk,)))
    wanted = {resource: plain.inputs(resource) for resource in plain.requests}
    wanted["NetworkInterface exp1-nic"]["tags"]["cost"] = "7"
    wanted["ResourceGroup vmops-exp1"]["tags"]["cost"] = "8"
    wanted["NetworkSecurityGroup exp1-nsg"]["securityRules"].append(
        {"name": "hole", "destinationPortRange": "1-9", "sourceAddressPrefixes": ["192.0.2.0/24"]}
        | {name: value for name, value in says.items() if name != "provisioningState"}
    )
    ways = {"createOption": "Attach", "deleteOption": "Detach", "caching": "ReadOnly"}
    wanted["VirtualMachine exp1"]["storageProfile"]["dataDisks"] = [
        {"lun": 5, "name": "big", "managedDisk": {"id": "/big"}, **ways}
    ]
    assert {resource: beside.inputs(resource) for resource in beside.requests} == wanted


def test_ports_are_open_only_to_the_given_sources() -> None:
    """Every port has one rule; several sources are listed, a single one may be a tag or '*'."""
    several = ["192.0.2.0/24", "198.51.100.7/32"]
    engine, _ = declared(spec_of(vmPorts="22,443", sourceAddressPrefixes=several))
    rules = engine.inputs("NetworkSecurityGroup exp1-nsg")["securityRules"]
    assert [(rule["name"], rule["priority"], rule["destinationPortRange"]) for rule in rules] == [
        ("tcp-22", 1000, "22"),
        ("tcp-443", 1001, "443"),
    ]
    assert all(rule["sourceAddressPrefixes"] == several and "sourceAddressPrefix" not in rule for rule in rules)
    assert {(rule["direction"], rule["access"], rule["protocol"]) for rule in rules} == {("Inbound", "Allow", "Tcp")}
    alone = declared(spec_of())[0].inputs("NetworkSecurityGroup exp1-nsg")["securityRules"][0]
    assert (alone["sourceAddressPrefix"], "sourceAddressPrefixes" in alone) == ("*", False)


def test_a_zone_applies_to_the_vm_and_its_address() -> None:
    """A zonal VM needs a public address of the same zone."""
    engine, _ = declared(spec_of(zone=2))
    assert engine.inputs("VirtualMachine exp1")["zones"] == ["2"]
    assert engine.inputs("PublicIPAddress exp1-ip")["zones"] == ["2"]


def test_a_spot_vm_declares_its_price_and_eviction_policy() -> None:
    """A Spot VM has a price limit and a policy; a regular VM has neither."""
    spot = declared(spec_of(priority="spot", vmSize="Standard_D2s_v5", maxPrice="0.05"))[0].inputs(
        "VirtualMachine exp1"
    )
    assert (spot["priority"], spot["evictionPolicy"], spot["billingProfile"]) == (
        "Spot",
        "Deallocate",
        {"maxPrice": 0.05},
    )
    regular = declared(spec_of())[0].inputs("VirtualMachine exp1")
    assert not {"evictionPolicy", "billingProfile"} & regular.keys()


def test_many_machines_share_one_network() -> None:
    """The resources of a VM can be declared any number of times in one stack."""
    specs = [spec_of(vmName=f"exp{number}", resourceGroup="lab") for number in range(3)]

    def program() -> None:
        options = pulumi.ResourceOptions()
        shared, tags = specs[0], {"vmops-owner": OWNER}
        options = pulumi.ResourceOptions(depends_on=[group(shared, tags, options)])
        subnet_id = subnet(shared, options, network(shared, tags, options)).id
        rules_id = security_group(shared, tags, options).id
        for spec in specs:
            machine(spec, tags, options, subnet_id=subnet_id, security_group_id=rules_id, own_tags={})

    engine = run(program)
    kinds = [name.split()[0] for name in engine.requests]
    assert (kinds.count("VirtualMachine"), kinds.count("NetworkInterface"), kinds.count("VirtualNetwork")) == (3, 3, 1)


def test_a_vm_without_a_login_is_refused() -> None:
    """A key is made before the program runs; without one nothing is declared."""
    with pytest.raises(SpecError, match="adminPasswordOrKey: is required"):
        declared(VmSpec.from_params({"vmName": "exp1"}))


def test_every_resource_goes_through_the_given_provider() -> None:
    """No resource falls back to a default provider, which may mean another account."""
    engine = Engine()
    set_mocks(engine.mocks, project="vmops", stack="exp1", monitor=engine)

    def program() -> None:
        from pulumi_azure_native import Provider

        declare(spec_of(), owner=OWNER, provider=Provider("azure", subscription_id="s"))

    run_program(program)()
    providers = {request.provider.split("::")[-2] for name, request in engine.requests.items() if "azure" not in name}
    assert providers == {"azure"}


def test_pulumi_up_by_hand_reads_the_same_parameters() -> None:
    """With the official engine a stack is configured by the parameters of vmops, with secrets and lists."""
    params = {"vmName": "exp1", "subscription": "01234567-89ab-cdef-0123-456789abcdef", "vmPorts": "22,80"}
    own = {"sourceAddressPrefixes": "192.0.2.0/24", "owner": OWNER, "uses": "group, network"}
    secret = {"customData": "#cloud-config", "adminPasswordOrKey": KEY}
    set_all_config({f"vmops:{name}": value for name, value in {**params, **own, **secret}.items()})

    def program() -> None:
        run_path(str(Path(stacks.__file__).parent), run_name="__main__")

    engine = run(program)
    rules = engine.inputs("NetworkSecurityGroup exp1-nsg")["securityRules"]
    assert [rule["name"] for rule in rules] == ["tcp-22", "tcp-80"]
    assert engine.inputs("azure-native azure")["subscriptionId"] == params["subscription"]
    assert {"ResourceGroup vmops-exp1", "VirtualNetwork exp1-vnet"}.isdisjoint(engine.requests)
    assert engine.inputs("VirtualMachine exp1")["tags"]["vmops-owner"] == OWNER


def test_touch_imports_all_classes() -> None:
    """After it, a thread finds every class without an import."""
    assert {cls.__name__ for cls in touch()} == {"ResourceGroup", "VirtualNetwork", "VirtualMachine"}
