"""The spec: reading of parameters, defaults, digest, secrets."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from vmops.core.errors import SpecError
from vmops.spec import custom_data
from vmops.spec.rules.images import Image
from vmops.spec.target import Target
from vmops.spec.vm_spec import EXCLUSIVE, VmSpec

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
PASSWORD = "Tr0ub4dor&3"
SUBSCRIPTION = "01234567-89ab-cdef-0123-456789abcdef"
MAC_KEY = b"0123456789abcdef"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shared/providers"
ME = f"{GROUP}/Microsoft.ManagedIdentity/userAssignedIdentities/me"

# For each parameter that a deployment depends on another valid value, with the parameters that it requires.
RELEVANT: dict[str, dict[str, object]] = {
    "vmName": {"vmName": "exp2"},
    "subscription": {"subscription": SUBSCRIPTION},
    "resourceGroup": {"resourceGroup": "lab"},
    "vmCount": {"vmCount": 1},
    "minCount": {"vmCount": 2, "minCount": 1},
    "location": {"location": "eastus"},
    "vmSize": {"vmSize": "Standard_D2s_v5"},
    "image": {"image": "a:b:c:d"},
    "imageId": {"imageId": f"{GROUP}/Microsoft.Compute/galleries/g/images/lab/versions/1.0.0"},
    "plan": {"plan": "a:b:c"},
    "ubuntuOSVersion": {"ubuntuOSVersion": "22.04-LTS"},
    "adminUsername": {"adminUsername": "ada"},
    "authenticationType": {"authenticationType": "password", "adminPasswordOrKey": PASSWORD},
    "adminPasswordOrKey": {"adminPasswordOrKey": KEY},
    "subnetId": {"subnetId": f"{GROUP}/Microsoft.Network/virtualNetworks/net/subnets/lab"},
    "virtualNetworkName": {"virtualNetworkName": "net"},
    "subnetName": {"subnetName": "sub"},
    "networkSecurityGroupName": {"networkSecurityGroupName": "nsg"},
    "addressPrefix": {"addressPrefix": "10.0.0.0/20"},
    "subnetPrefix": {"subnetPrefix": "10.0.1.0/24"},
    "vmPorts": {"vmPorts": "22,80"},
    "sourceAddressPrefixes": {"sourceAddressPrefixes": "192.0.2.0/24"},
    "publicIp": {"publicIp": "no"},
    "dnsLabelPrefix": {"dnsLabelPrefix": "exp1-ada"},
    "customData": {"customData": "#cloud-config"},
    "osDiskSizeGB": {"osDiskSizeGB": "64"},
    "osDiskType": {"osDiskType": "premium_lrs"},
    "dataDisks": {"dataDisks": 64},
    "zone": {"zone": 1},
    "priority": {"priority": "Spot", "vmSize": "Standard_D2s_v5"},
    "maxPrice": {"maxPrice": 0.05, "priority": "Spot", "vmSize": "Standard_D2s_v5"},
    "evictionPolicy": {"evictionPolicy": "delete", "priority": "Spot", "vmSize": "Standard_D2s_v5"},
    "managedIdentity": {"managedIdentity": f"system,{ME}"},
    "securityType": {"securityType": "trustedlaunch"},
    "secureBoot": {"secureBoot": "no", "securityType": "TrustedLaunch"},
    "vTpm": {"vTpm": True, "securityType": "TrustedLaunch"},
    "encryptionAtHost": {"encryptionAtHost": "on"},
    "diskControllerType": {"diskControllerType": "nvme"},
    "ephemeralOsDisk": {"ephemeralOsDisk": "cache"},
    "osDiskCaching": {"osDiskCaching": "readonly"},
    "dataDiskType": {"dataDiskType": "premiumv2_lrs"},
    "dataDiskCaching": {"dataDiskCaching": "None"},
    "dataDiskIops": {"dataDiskIops": 4000, "dataDiskType": "PremiumV2_LRS"},
    "dataDiskMbps": {"dataDiskMbps": 200, "dataDiskType": "PremiumV2_LRS"},
    "acceleratedNetworking": {"acceleratedNetworking": "auto"},
    "privateIpAddress": {"privateIpAddress": "10.0.0.9"},
    "networkSecurityGroupOn": {"networkSecurityGroupOn": "both"},
    "proximityPlacementGroup": {"proximityPlacementGroup": f"{GROUP}/Microsoft.Compute/proximityPlacementGroups/near"},
    "bootDiagnostics": {"bootDiagnostics": False},
    "tags": {"tags": "a=b,c=d"},
}
IRRELEVANT: dict[str, object] = {
    "ttl": "2h",
    "member": 0,
    "maxHourlyPrice": 2,
    "prefer": "price",
    "budget": 20,
    "stopMode": "deallocate",
    "keepGroup": True,
    "waitFor": "ssh",
    "pollInterval": 0.1,
    "pollTimeout": 0,
    "deployTimeout": "30m",
    "requestTimeout": 5,
    "asyncResultsUrl": "vmops:operation/1",
}
APART = [
    *EXCLUSIVE,
    ("adminPasswordOrKey", "authenticationType"),
    ("dnsLabelPrefix", "publicIp"),
    *(("minCount", name) for name in ("vmCount", "dnsLabelPrefix", "privateIpAddress")),
    ("subnetId", "subscription"),
    ("subnetId", "networkSecurityGroupOn"),
    *(("privateIpAddress", name) for name in ("subnetPrefix", "addressPrefix")),
    *(("ephemeralOsDisk", name) for name in ("priority", "maxPrice", "evictionPolicy")),
]
"""Rows that exclude each other, or need different company."""


def together(chosen: list[str]) -> dict[str, Any]:
    """Give the rows of these names, without those that an earlier row excludes."""
    taken: list[str] = []
    for name in chosen:
        if not any((name, other) in APART or (other, name) in APART for other in taken):
            taken.append(name)
    return {name: value for one in taken for name, value in RELEVANT[one].items()}


changes = st.lists(st.sampled_from(sorted(RELEVANT)), unique=True).map(together)


def spec_of(**params: object) -> VmSpec:
    return VmSpec.from_params({"vmName": "exp1", **params})


def problems(params: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(SpecError) as refused:
        VmSpec.from_params(params)
    return refused.value.problems


def test_a_vm_name_is_enough() -> None:
    """The local cloud needs no account, no key and no decision."""
    spec = spec_of()
    assert spec.image == Image("Canonical", "ubuntu-24_04-lts", "server", "latest")
    assert (spec.cloud, spec.location, spec.vm_size) == ("local", "westus2", "Standard_B2s")
    assert (spec.resource_group, spec.virtual_network_name, spec.subnet_prefix) == (
        "vmops-exp1",
        "exp1-vnet",
        "10.0.0.0/24",
    )
    assert (spec.vm_ports, spec.source_address_prefixes, spec.admin_password_or_key) == ((22,), ("*",), None)


def test_values_of_any_tunable_type_are_read() -> None:
    """mlos_bench gives strings, ints and floats; the spec means the same by each."""
    spec = spec_of(vmName=123, vmPorts=22.0, publicIp="0", ttl="2h", pollInterval="0.5", zone=1, tags="a=b")
    assert (spec.vm_name, spec.vm_ports, spec.public_ip, spec.ttl, spec.poll_interval) == (
        "123",
        (22,),
        False,
        7200.0,
        0.5,
    )
    assert (spec.zone, spec.tags) == ("1", {"a": "b"})


def test_params_override_defaults_and_none_means_not_given() -> None:
    """A setting stands in for a parameter that is absent or None."""
    defaults = {"location": "eastus", "pollTimeout": 7.0, "subscription": None}
    spec = VmSpec.from_params({"vmName": "exp1", "location": None, "pollTimeout": 1}, defaults)
    assert (spec.location, spec.poll_timeout, spec.subscription[0]) == ("eastus", 1.0, "0")


def test_all_problems_are_raised_together() -> None:
    """Who mends parameters should not have to call once for each mistake."""
    assert problems(
        {
            "cloud": "public",
            "vmPorts": 70000,
            "zone": "9",
            "maxPrice": -3,
            "customDataFile": "/no/such/file",
            "authenticationType": "password",
        }
    ) == (
        "customDataFile: '/no/such/file' cannot be read: No such file or directory",
        "vmName: is required",
        "subscription: is required on the cloud 'public'",
        "adminPasswordOrKey: is required where authenticationType is password",
        "vmPorts: 70000 is not a port (1 to 65535)",
        "zone: '9' is not a zone (1, 2 or 3)",
        "maxPrice: -3 is not a Spot price (US dollars an hour above 0, or -1 for the regular price)",
    )


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"image": "a:b:c:d", "ubuntuOSVersion": "22.04-LTS"}, "image: cannot be given together with ubuntuOSVersion"),
        ({"ubuntuOSVersion": "19.10"}, "ubuntuOSVersion: '19.10' is neither publisher:offer:sku:version nor one of"),
        ({"customData": "a", "customDataFile": "b"}, "customData: cannot be given together with customDataFile"),
        ({"maxPrice": 0.1}, "maxPrice: 0.1 needs priority Spot"),
        ({"evictionPolicy": "Delete"}, "evictionPolicy: 'Delete' needs priority Spot"),
        ({"dnsLabelPrefix": "exp1", "publicIp": False}, "dnsLabelPrefix: 'exp1' needs publicIp"),
        (
            {"subnetId": f"{GROUP}/Microsoft.Network/virtualNetworks/n/subnets/s", "subnetName": "s"},
            "subnetId: cannot be given together with subnetName",
        ),
        ({"imageId": "lab"}, "imageId: 'lab' is not the id of a resource of the type Microsoft.Compute/galleries/imag"),
        ({"imageId": "/CommunityGalleries/g/Images/i", "image": "a:b:c:d"}, "imageId: cannot be given together with "),
        ({"managedIdentity": "me"}, "managedIdentity: 'me' is not the id of a resource of the type Microsoft.Managed"),
        ({"managedIdentity": []}, "managedIdentity: names no identity (system, or ids of the type Microsoft.Managed"),
        ({"secureBoot": True, "securityType": "Standard"}, "secureBoot: True needs securityType TrustedLaunch"),
        ({"vTpm": "yes"}, "vTpm: 'yes' needs securityType TrustedLaunch"),
        ({"dataDiskIops": 4000}, "dataDiskIops: 4000 needs dataDiskType PremiumV2_LRS or UltraSSD_LRS"),
        ({"dataDiskMbps": 0, "dataDiskType": "UltraSSD_LRS"}, "dataDiskMbps: 0 is not MB/s of a disk (1 to 10000)"),
        (
            {"dataDiskType": "UltraSSD_LRS", "dataDiskCaching": "ReadOnly"},
            "dataDiskCaching: 'ReadOnly': disks of the type",
        ),
        ({"ephemeralOsDisk": "disk"}, "ephemeralOsDisk: 'disk' is not one of cache, resource, nvme"),
        (
            {"ephemeralOsDisk": "cache", "priority": "Spot", "vmSize": "Standard_D2s_v5"},
            "ephemeralOsDisk: 'cache' needs evictionPolicy Delete",
        ),
        ({"ephemeralOsDisk": "cache", "osDiskCaching": "None"}, "osDiskCaching: 'None': an ephemeral system disk has"),
        ({"acceleratedNetworking": "fast"}, "acceleratedNetworking: 'fast' is not true, false or auto"),
        ({"privateIpAddress": "10.0.0.3"}, "privateIpAddress: '10.0.0.3' is not an address for a VM in subnetPrefix"),
        ({"privateIpAddress": "10.0.0"}, "privateIpAddress: '10.0.0' is not an IPv4 address"),
        (
            {"subnetId": f"{GROUP}/Microsoft.Network/virtualNetworks/n/subnets/s", "networkSecurityGroupOn": "both"},
            "networkSecurityGroupOn: 'both': the subnet of subnetId is not changed",
        ),
        ({"bootDiagnostics": "http://x"}, "bootDiagnostics: 'http://x' is not true, false or https://ACCOUNT.blob."),
        ({"proximityPlacementGroup": "near"}, "proximityPlacementGroup: 'near' is not the id of a resource of"),
        ({"plan": "a:b"}, "plan: 'a:b' is not a plan (publisher:product:name)"),
        ({"image": "MicrosoftWindowsServer:WindowsServer:2022-datacenter:latest"}, "image: 'MicrosoftWindowsServer"),
        ({"subnetId": "lab"}, "subnetId: 'lab' is not the id of a resource of the type Microsoft.Network/virtualN"),
        (
            {"subnetId": f"{GROUP}/Microsoft.Network/virtualNetworks/n/subnets/s", "subscription": SUBSCRIPTION},
            "subnetId: '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shared/",
        ),
        ({"subnetPrefix": "10.1.0.0/24"}, "subnetPrefix: '10.1.0.0/24' lies outside addressPrefix 10.0.0.0/16"),
        ({"sourceAddressPrefixes": []}, "sourceAddressPrefixes: is required where ports are open"),
        ({"virtualNetworkName": "a" * 65}, "virtualNetworkName: "),
    ],
)
def test_rules_between_parameters_are_checked(params: dict[str, Any], sentence: str) -> None:
    """The message has the name that the caller used."""
    told = problems({"vmName": "exp1", **params})
    assert [problem for problem in told if problem.startswith(sentence)]
    assert len(told) == 1


def test_an_invalid_parameter_causes_no_other_problems() -> None:
    """A typo in the cloud or in the network must not raise complaints that vanish with it."""
    assert problems(
        {"vmName": "exp1", "cloud": "azure", "addressPrefix": "10.1/16", "subnetPrefix": "10.1.0.0/24"}
    ) == (
        "cloud: 'azure' is not one of local, public, usgovernment, china",
        "addressPrefix: '10.1/16' is not an IPv4 network of /2 to /29 (such as 10.0.0.0/16)",
    )


def test_open_ports_on_a_real_cloud_need_sources() -> None:
    """A port that is open to the world is written, never assumed."""
    real: dict[str, Any] = {"vmName": "exp1", "cloud": "public", "subscription": SUBSCRIPTION}
    assert problems(real) == (
        "sourceAddressPrefixes: is required where ports are open (addresses, CIDRs, or '*' for everybody)",
    )
    assert VmSpec.from_params({**real, "sourceAddressPrefixes": "*"}).source_address_prefixes == ("*",)
    closed = VmSpec.from_params({**real, "vmPorts": ""})
    assert (closed.vm_ports, closed.source_address_prefixes, closed.location) == ((), (), None)


def test_the_default_subnet_is_in_the_network() -> None:
    """Who chooses a network need not choose the subnet."""
    assert spec_of(addressPrefix="192.168.0.0/20").subnet_prefix == "192.168.0.0/24"


def test_an_arm_size_gets_an_arm_image() -> None:
    """An image of four parts stays unchanged."""
    assert spec_of(vmSize="Standard_D2ps_v5").image.sku == "server-arm64"
    assert spec_of(vmSize="Standard_D2ps_v5", image="a:b:c:d").image == Image("a", "b", "c", "d")


def test_custom_data_file_is_read_unchanged(tmp_path: Path) -> None:
    """At once, because the worker may not see it."""
    file = tmp_path / "cloud-init.yaml"
    file.write_bytes(b"#cloud-config\r\nruncmd: []\n")
    spec = spec_of(customDataFile=str(file))
    assert spec.custom_data == SecretStr("#cloud-config\r\nruncmd: []\n")
    assert spec == spec_of(customData="#cloud-config\r\nruncmd: []\n")


def test_custom_data_file_loses_its_byte_order_mark(tmp_path: Path) -> None:
    """Editors of Windows write it first, where cloud-init reads the format."""
    file = tmp_path / "cloud-init.yaml"
    file.write_bytes("\ufeff#cloud-config\n".encode())
    assert spec_of(customDataFile=str(file)).custom_data == SecretStr("#cloud-config\n")


PACKED = gzip.compress(b"#cloud-config\n", mtime=0)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (PACKED, base64.b64encode(PACKED).decode()),
        (base64.encodebytes(PACKED).decode(), base64.b64encode(PACKED).decode()),
        (b"#!/bin/sh\n", "#!/bin/sh\n"),
        (base64.b64encode(b"#cloud-config\nruncmd: []\n").decode(), "#cloud-config\nruncmd: []\n"),
        (base64.b64encode(b"#!/bin/sh\n").decode(), "#!/bin/sh\n"),
        (base64.b64encode(b"anything else").decode(), base64.b64encode(b"anything else").decode()),
        ("deadbeef", "deadbeef"),
    ],
)
def test_custom_data_is_normalised_from_any_form(given: object, meant: str, tmp_path: Path) -> None:
    """Gzip stays gzip, and base64 of a format that cloud-init reads is decoded; a file is read the same way."""
    assert spec_of(customData=given).custom_data == SecretStr(meant)
    assert custom_data.decoded(custom_data.encoded(meant)) == meant
    file = tmp_path / "user-data"
    file.write_bytes(given if isinstance(given, bytes) else str(given).encode())
    assert spec_of(customDataFile=str(file)).custom_data == SecretStr(meant)


def test_binary_custom_data_is_refused_without_its_content() -> None:
    """A key or a picture is a mistake."""
    assert problems({"vmName": "exp1", "customData": b"hunter2\xff"}) == (
        "customData: is neither text in UTF-8 nor packed by gzip",
    )
    twice = base64.b64encode(b"#!/bin/sh\r\n").decode()
    assert problems({"vmName": "exp1", "customData": twice}) == (f"customData: {CR_LF}",)


CR_LF = "is a script with Windows line ends (CR LF), which Linux cannot run: save it with LF"
MARKED = "begins with a byte order mark, which cloud-init does not recognise: save it without one"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("#!/bin/sh\r\necho hunter2\r\n", CR_LF),
        ("#! /usr/bin/env python3\r\n", CR_LF),
        ("\ufeff#!/bin/sh\necho hunter2\n", MARKED),
    ],
)
def test_custom_data_that_would_not_run_is_refused(content: str, rule: str) -> None:
    """It would only fail in the guest."""
    assert problems({"vmName": "exp1", "customData": content}) == (f"customData: {rule}",)


def test_a_windows_script_in_a_file_is_refused(tmp_path: Path) -> None:
    """The file is the usual way in for it."""
    file = tmp_path / "setup.sh"
    file.write_bytes(b"\xef\xbb\xbf#!/bin/sh\r\necho hunter2\r\n")
    assert problems({"vmName": "exp1", "customDataFile": str(file)}) == (f"customData: {CR_LF}",)


def test_a_binary_custom_data_file_is_refused_without_its_content(tmp_path: Path) -> None:
    """Custom data travels as text."""
    file = tmp_path / "key.der"
    file.write_bytes(b"hunter2\xff")
    (sentence,) = problems({"vmName": "exp1", "customDataFile": str(file)})
    assert sentence == f"customDataFile: {str(file)!r} is not UTF-8 text"


def test_a_target_ignores_other_invalid_parameters() -> None:
    """A removal must work with any parameters of the deployment."""
    bad = {"vmName": "exp1", "vmPorts": "all", "image": "x", "tags": 7, "customDataFile": "/no/such/file"}
    target = Target.from_params(bad, {"location": "nowhere!"})
    assert target.stack == spec_of().stack
    assert (target.vm_id, target.group_id) == (spec_of().vm_id, spec_of().group_id)


def test_a_target_requires_a_name() -> None:
    """Without a name there is nothing to stop."""
    with pytest.raises(SpecError) as refused:
        Target.from_params({"pollTimeout": "soon"})
    assert set(refused.value.problems) == {
        "vmName: is required",
        "pollTimeout: 'soon' is not a duration (seconds, or a number with s, m, h or d)",
    }


def test_named_roles_are_those_with_other_than_default_names() -> None:
    """In any case."""
    assert (spec_of().named_group, spec_of().named_roles) == (False, frozenset())
    assert not spec_of(resourceGroup="VMops-exp1").named_group
    chosen = spec_of(resourceGroup="lab", virtualNetworkName="net", networkSecurityGroupName="EXP1-NSG")
    assert (chosen.named_group, chosen.named_roles) == (True, frozenset({"network"}))


def test_an_unknown_parameter_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A typo, or another tool's word, would otherwise be a default without a word."""
    for _ in range(2):
        spec_of(vmsizes="Standard_D2s_v5", region="eastus", trial_id=7)
    (record,) = caplog.records
    assert vars(record)["vmops"] == {
        "event": "unknown_parameters",
        "given": ["vmsizes", "region", "trial_id"],
        "meant": {"vmsizes": "vmSize", "region": "location"},
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "virtualNetworkResourceGroup",
            "no such parameter; it would say who can reach the VM, so it is not ignored",
        ),
        ("usePublicIp", "usePublicIp: no such parameter; did you mean publicIp?"),
        ("managedIdentityName", "managedIdentityName: no such parameter; did you mean managedIdentity?"),
        ("osType", "it would say what the VM is made from"),
        ("security_type", "security_type: no such parameter; did you mean securityType?"),
        ("availabilitySet", "it would say what the VM can do, and costs"),
    ],
)
def test_a_critical_unknown_name_is_refused(name: str, sentence: str) -> None:
    """A VM that is open, or another than is meant, is worse than none."""
    with pytest.raises(SpecError, match=re.escape(sentence)):
        spec_of(**{name: "x"})
    assert Target.from_params({"vmName": "exp1", name: "x"}).vm_name == "exp1"


def test_a_spec_is_immutable() -> None:
    """A digest that was taken stays true."""
    with pytest.raises(ValidationError):
        spec_of().vm_size = "Standard_D2s_v5"


def test_with_key_sets_a_checked_key() -> None:
    """The key made for a VM is checked like one that was given."""
    spec, given = spec_of(ttl="2h").with_key(KEY), spec_of(ttl="2h", adminPasswordOrKey=KEY)
    assert spec.canonical() == given.canonical()
    assert [each.credential_is_given for each in (spec, given, spec_of())] == [False, True, False]
    assert VmSpec.from_wire(spec.to_wire()) == spec
    assert not VmSpec.from_wire(spec.to_wire()).model_copy(update={"location": "westus3"}).credential_is_given
    with pytest.raises(SpecError, match="adminPasswordOrKey"):
        spec_of().with_key("not a key")


@given(changes)
def test_the_wire_form_is_read_back(params: dict[str, Any]) -> None:
    """Including secrets; it is plain JSON."""
    spec = spec_of(**{**IRRELEVANT, **params})
    wire = json.loads(json.dumps(spec.to_wire()))
    assert VmSpec.from_wire(wire) == spec
    assert VmSpec.from_wire(wire).canonical() == spec.canonical()
    target = Target.from_params(params | {"vmName": "exp1"})
    assert Target.from_wire(json.loads(json.dumps(target.to_wire()))) == target


@given(changes, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_order(params: dict[str, Any], random: Any) -> None:
    """Two dicts that say the same ask for the same VM."""
    shuffled = list(params.items())
    random.shuffle(shuffled)
    assert spec_of(**dict(shuffled)).digest(MAC_KEY) == spec_of(**params).digest(MAC_KEY)


@pytest.mark.parametrize("name", IRRELEVANT)
def test_the_digest_ignores_waiting_and_expiry(name: str) -> None:
    """Patience, expiry and the way to stop change no resource."""
    assert spec_of(**{name: IRRELEVANT[name]}).digest(MAC_KEY) == spec_of().digest(MAC_KEY)


@pytest.mark.parametrize("name", RELEVANT)
def test_the_digest_depends_on_each_deployed_parameter(name: str) -> None:
    """A change of a parameter that is missing from the digest would not be noticed."""
    assert spec_of(**RELEVANT[name]).digest(MAC_KEY) != spec_of().digest(MAC_KEY)


def test_each_parameter_is_either_in_the_digest_or_listed() -> None:
    """A new parameter must be put on one side or the other."""
    assert VmSpec.parameters() == RELEVANT.keys() | IRRELEVANT.keys() | {"cloud", "customDataFile", "lockFile"}


def test_the_digest_depends_on_the_key() -> None:
    """Without it a weak password could be guessed."""
    spec = spec_of(authenticationType="password", adminPasswordOrKey=PASSWORD)
    assert spec.digest(b"one") != spec.digest(b"another")
    assert len(spec.digest(b"one")) == 64


def test_the_digest_ignores_the_case_of_names() -> None:
    """Resource Manager has one VM for both, so the second call must not change it."""
    assert spec_of(vmName="EXP1").digest(MAC_KEY) == spec_of().digest(MAC_KEY)
    assert spec_of(vmName="EXP1").stack == spec_of().stack
    groups = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"
    ids = {
        "subnetId": f"{groups}/net/providers/Microsoft.Network/virtualNetworks/net/subnets/lab",
        "imageId": f"{groups}/lab/providers/Microsoft.Compute/images/lab",
        "managedIdentity": f"{groups}/lab/providers/Microsoft.ManagedIdentity/userAssignedIdentities/me",
        "proximityPlacementGroup": f"{groups}/lab/providers/Microsoft.Compute/proximityPlacementGroups/near",
    }
    other = {name: value.upper() for name, value in ids.items()}
    assert spec_of(**other).digest(MAC_KEY) == spec_of(**ids).digest(MAC_KEY)


@given(st.text(st.characters(codec="utf-8"), min_size=6, max_size=80), st.sampled_from(["password", "sshPublicKey"]))
def test_a_spec_never_shows_its_secrets(secret: str, authentication: str) -> None:
    """Neither a refusal nor a representation says a secret."""
    secret = f"<<{secret}>>"
    secrets = {"adminPasswordOrKey": secret, "customData": secret}
    try:
        shown = repr(VmSpec.from_params({"vmName": "exp1", "authenticationType": authentication, **secrets}))
    except SpecError as refusal:
        shown = repr(refusal)
    encoded = base64.b64encode(secret.encode()).decode()
    assert not [hidden for hidden in (secret, repr(secret)[1:-1], encoded) if hidden in shown]


def test_a_spec_error_chains_no_exception_with_a_secret() -> None:
    """A validation error keeps its input; a logger that walks the chain would find the password there."""
    with pytest.raises(SpecError) as refused:
        spec_of(authenticationType="password", adminPasswordOrKey="hunter2", customData="hunter2")
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
    assert refused.value.args == (str(refused.value),)


tunables = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text() | st.integers())


@given(st.dictionaries(st.sampled_from(sorted(VmSpec.parameters())), tunables))
def test_any_params_give_a_spec_or_a_spec_error(params: dict[str, Any]) -> None:
    """Whatever a program puts into its dict, it gets a spec or sentences."""
    try:
        spec = VmSpec.from_params(params)
    except SpecError as refusal:
        told = refusal.problems
    else:
        assert VmSpec.from_wire(spec.to_wire()) == spec
        return
    assert {problem.partition(": ")[0] for problem in told} <= VmSpec.parameters()
