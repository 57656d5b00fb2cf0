"""The rules of single parameters: accepted values with their normal form, and refusals."""

import math
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from vmops.core import durations
from vmops.spec.rules import hardware, images, login, naming, network, spelling, values

Rule = Callable[[object], object]
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


def openssh(key: PublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


ED25519 = openssh(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key())
RSA = openssh(rsa.generate_private_key(65537, 2048).public_key())
SHORT_RSA = openssh(rsa.generate_private_key(65537, 1024).public_key())
ECDSA = openssh(ec.generate_private_key(ec.SECP256R1()).public_key())

ACCEPTED: list[tuple[Rule, object, object]] = [
    (values.text, 123, "123"),
    (values.text, " a ", "a"),
    (values.integer, 22.0, 22),
    (values.integer, "22", 22),
    (values.boolean, "Yes", True),
    (values.boolean, 0, False),
    (values.boolean, 1.0, True),
    (durations.seconds, "90m", 5400.0),
    (durations.seconds, "2h", 7200.0),
    (durations.seconds, "1d", 86400.0),
    (durations.seconds, "1.5 h", 5400.0),
    (durations.seconds, 0, 0.0),
    (durations.seconds, 5e-05, 5e-05),
    (values.items, "a, b,", ("a", "b")),
    (values.items, 22, (22,)),
    (values.items, "", ()),
    (values.pairs, "a=1, b=x=y", {"a": "1", "b": "x=y"}),
    (values.pairs, {"a": 1}, {"a": "1"}),
    (values.one_of("powerOff", "deallocate"), "POWEROFF", "powerOff"),
    (naming.vm_name, "exp_1.a-b", "exp_1.a-b"),
    (naming.vm_name, "a" * 64, "a" * 64),
    (naming.group_name, "Lab (2)".replace(" ", "_"), "Lab_(2)"),
    (naming.location, "West US 2", "westus2"),
    (naming.subscription, "01234567-89AB-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"),
    (hardware.vm_size, "Standard_M8-2ms_v2", "Standard_M8-2ms_v2"),
    (hardware.zone, 3, "3"),
    (hardware.max_price, "-1", -1.0),
    (hardware.data_disks, "64,128", (64, 128)),
    (network.ports, "443,22", (22, 443)),
    (network.ports, 22, (22,)),
    (network.sources, "*", ("*",)),
    (network.sources, "Storage.WestUS", ("Storage.WestUS",)),
    (network.sources, ["198.51.100.7", "192.0.2.9/24"], ("192.0.2.0/24", "198.51.100.7/32")),
    (network.network, "10.0.0.0/8", "10.0.0.0/8"),
    (network.dns_label, "exp1-ada", "exp1-ada"),
    (login.admin_name, "mlos", "mlos"),
    (login.password, "Tr0ub4dor&3", "Tr0ub4dor&3"),
    (login.public_key, f"{ED25519} ada@host\n", f"{ED25519} ada@host"),
    (login.public_key, RSA, RSA),
    (login.custom_data, "x" * 65535, "x" * 65535),
]

REFUSED: list[tuple[Rule, object, str]] = [
    (values.text, "", "'' is neither a word nor a number"),
    (values.text, True, "True is neither"),
    (values.integer, 22.5, "22.5 is not a whole number"),
    (values.integer, True, "True is not a whole number"),
    (durations.number, "nan", "'nan' is not a number"),
    (values.boolean, 2, "2 is neither true nor false"),
    (durations.seconds, -1, "-1 is not a duration"),
    (durations.seconds, "2 weeks", "'2 weeks' is not a duration"),
    (durations.seconds, math.inf, "inf is not a duration"),
    (durations.positive_seconds, 0, "0 is not a duration above 0"),
    (values.pairs, "a=1,b", "'b' is not of the form name=value"),
    (values.pairs, "a=1,a=2", "'a' is given twice"),
    (values.one_of("Regular", "Spot"), "cheap", "'cheap' is not one of Regular, Spot"),
    (naming.vm_name, "-a", "'-a' is not a VM name"),
    (naming.vm_name, "a.", "'a.' is not a VM name"),
    (naming.vm_name, "a b", "'a b' is not a VM name"),
    (naming.vm_name, "a/../b", "is not a VM name"),
    (naming.vm_name, "a\nb", "is not a VM name"),
    (naming.vm_name, "a" * 65, "is not a VM name"),
    (naming.group_name, "lab.", "'lab.' is not a resource group name"),
    (naming.group_name, "lab/x", "'lab/x' is not a resource group name"),
    (naming.location, "west-us", "'west-us' is not a location"),
    (naming.subscription, "mine", "'mine' is not a subscription id"),
    (naming.tags, {"vmops-owner": "me"}, "'vmops-owner' begins with a reserved word"),
    (naming.tags, {"Microsoft.x": "me"}, "'Microsoft.x' begins with a reserved word"),
    (naming.tags, {"a": "", "A": ""}, "A, a has two names that differ only in case"),
    (naming.tags, {"a?": ""}, "is not a tag's name"),
    (naming.tags, {"a": "x" * 257}, "'a' has a value of more than 256 characters"),
    (naming.tags, {f"t{number}": "" for number in range(48)}, "48 tags are more than 46"),
    (hardware.vm_size, "big", "'big' is not a VM size"),
    (hardware.zone, "westus2-1", "'westus2-1' is not a zone"),
    (hardware.max_price, 0, "0 is not a Spot price"),
    (hardware.os_disk_size, 29, "29 is not a system disk's size"),
    (hardware.data_disks, [0], "0 is not a data disk's size"),
    (hardware.data_disks, [1] * 65, "65 disks are more than 64"),
    (network.ports, 70000, "70000 is not a port (1 to 65535)"),
    (network.ports, "22,80,22", "22 is given twice"),
    (network.sources, "*,10.0.0.0/8", "'*' is not an address or CIDR, nor"),
    (network.sources, "10.0.0.0/40", "'10.0.0.0/40' is not an address or CIDR"),
    (network.network, "10.0.0.1/16", "'10.0.0.1/16' is not an IPv4 network"),
    (network.network, "10.0.0.0/30", "'10.0.0.0/30' is not an IPv4 network"),
    (network.dns_label, "1st", "'1st' is not a DNS label"),
    (login.admin_name, "Root", "'Root' is a name that Azure reserves"),
    (login.admin_name, "user5", "'user5' is a name that Azure reserves"),
    (login.admin_name, "Ada", "'Ada' is not an admin name"),
    (login.admin_name, "-ada", "'-ada' is not an admin name"),
    (images.image, "ubuntu", "'ubuntu' is neither publisher:offer:sku:version nor one of 18.04-LTS"),
    (images.image, "a:b::d", "'a:b::d' is neither"),
]


@pytest.mark.parametrize(("rule", "value", "expected"), ACCEPTED)
def test_an_accepted_value_is_normalised(rule: Rule, value: object, expected: object) -> None:
    """A value is coerced once, here; nothing below guesses what a tunable meant."""
    assert rule(value) == expected


@pytest.mark.parametrize(("rule", "value", "message"), REFUSED)
def test_a_refused_value_is_named_with_its_rule(rule: Rule, value: object, message: str) -> None:
    """The sentence has the given and the allowed values."""
    with pytest.raises(ValueError, match=re.escape(message)):
        rule(value)


SECRETS: list[tuple[Rule, str]] = [
    (login.password, "aA1!"),
    (login.password, "Password22"),
    (login.password, "alllowercaseletters"),
    (login.password, "aA1!" * 19),
    (login.password, "bell\aB1l"),
    (login.public_key, ECDSA),
    (login.public_key, SHORT_RSA),
    (login.public_key, ED25519[:-6]),
    (login.public_key, f"{ED25519}\n{ED25519}"),
    (login.public_key, ED25519.replace("ssh-ed25519", "ssh-rsa", 1)),
    (login.public_key, "-----BEGIN OPENSSH PRIVATE KEY-----"),
    (login.custom_data, "ä" * 32768),
]


@pytest.mark.parametrize(("rule", "secret"), SECRETS)
def test_a_refused_secret_is_not_shown(rule: Rule, secret: str) -> None:
    """A refusal is logged and shown, and its value may be a real password with a typo."""
    with pytest.raises(ValueError, match="is ") as refused:
        rule(secret)
    assert secret not in str(refused.value)


def test_a_secret_of_another_type_is_refused() -> None:
    """Its content is not shown."""
    with pytest.raises(ValueError, match="is list, not text"):
        login.custom_data(["hunter2"])


@pytest.mark.parametrize(
    ("size", "arm64"),
    [
        ("Standard_D2ps_v5", True),
        ("Standard_B2pts_v2", True),
        ("Standard_E4plds_v6", True),
        ("Standard_B2s", False),
        ("Standard_NP10s", False),
        ("Standard_M8-2ms_v2", False),
        ("Standard_DC2as_v5", False),
        ("Standard_NC4as_P40_v1", False),
    ],
)
def test_the_letter_p_means_an_arm_processor(size: str, arm64: bool) -> None:
    """Only as a feature letter after the number of processors."""
    assert hardware.is_arm64(size) is arm64


@pytest.mark.parametrize(
    ("release", "arm64", "expected"),
    [
        ("18.04-LTS", False, "Canonical:UbuntuServer:18_04-lts-gen2:latest"),
        ("20.04-LTS", False, "Canonical:0001-com-ubuntu-server-focal:20_04-lts-gen2:latest"),
        ("22.04-lts", True, "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64:latest"),
        ("24.04", False, "Canonical:ubuntu-24_04-lts:server:latest"),
        (24.04, True, "Canonical:ubuntu-24_04-lts:server-arm64:latest"),
    ],
)
def test_an_ubuntu_release_gives_an_image(release: object, arm64: bool, expected: str) -> None:
    """mlos_bench's words mean Canonical's images of generation 2, or those for Arm."""
    assert str(images.image(release, arm64=arm64)) == expected


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [("vmsize", "vmSize"), ("TTL", "ttl"), ("vmPort", "vmPorts"), ("vnetName", None), ("trial_id", None)],
)
def test_near_miss_finds_a_misspelled_parameter(given_name: str, meant: str | None) -> None:
    """And ignores other tunables."""
    assert spelling.near_miss(given_name, ("vmName", "vmSize", "vmPorts", "ttl")) == meant


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [("region", "location"), ("vmsize", "vmSize"), ("spot", "priority=Spot"), ("image_reference", "image"), ("x", "")],
)
def test_names_of_other_tools_suggest_ours(given_name: str, meant: str) -> None:
    """Users of SkyPilot or Terraform get the name of our parameter."""
    assert spelling.meant(given_name, ("vmName", "vmSize", "location", "image")) == meant


@given(st.integers(1, 65535))
def test_ports_are_read_from_any_form(port: int) -> None:
    """A tunable may give a number as int, float or text."""
    assert network.ports(port) == network.ports(str(port)) == network.ports([float(port)]) == (port,)


@given(st.floats(0, 1e9))
def test_seconds_are_read_from_any_float(duration: float) -> None:
    """No way of writing a float, exponents included, changes a duration."""
    assert (
        durations.seconds(duration)
        == durations.seconds(str(duration))
        == durations.seconds(f"{duration!r}s")
        == duration
    )


@pytest.mark.parametrize(("outer", "first"), [("10.0.0.0/16", "10.0.0.0/24"), ("192.0.2.0/26", "192.0.2.0/26")])
def test_the_first_subnet_fits_its_network(outer: str, first: str) -> None:
    """A network smaller than /24 is one subnet."""
    assert network.first_subnet(outer, 24) == first
    assert network.inside(first, outer)


@pytest.mark.parametrize(
    ("size", "cpu"),
    [
        ("Standard_D4s_v5", "Intel x64"),
        ("Standard_D4as_v5", "AMD x64"),
        ("Standard_D4ps_v5", "Ampere Arm64"),
        ("Standard_D4ps_v6", "Microsoft Arm64"),
        ("Standard_B2s", "Intel x64"),
    ],
)
def test_cpu_is_read_from_the_sizes_name(size: str, cpu: str) -> None:
    """By its letters: a measurement on another is another measurement."""
    assert hardware.cpu(size) == cpu
