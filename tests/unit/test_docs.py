"""The documentation matches the code: names, defaults, links, blocks."""

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page as performance
from vmops import Settings, VmSpec, __version__
from vmops.spec.described import DESCRIBED, NAMES
from vmops.spec.parameters import read_params
from vmops.spec.rules.images import image

ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *DECISIONS]
MACHINE_PATH = re.compile(r"(?<![\w.~/$>:-])/(?:home|root|tmp|work|Users|mnt)/\w+")

KEY = "ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()
PROVIDERS = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shared/providers"
SUBNET = f"{PROVIDERS}/Microsoft.Network/virtualNetworks/net/subnets/lab"
BASE = {
    "vmName": "exp1",
    "subscription": "11111111-2222-3333-4444-555555555555",
    "sourceAddressPrefixes": "10.0.0.0/8",
    "priority": "Spot",
    "vmSize": "Standard_D4s_v5",
}
OTHER: dict[str, dict[str, Any]] = {
    "vmName": {"vmName": "exp2"},
    "cloud": {"cloud": "public"},
    "subscription": {"subscription": "66666666-2222-3333-4444-555555555555"},
    "resourceGroup": {"resourceGroup": "lab"},
    "location": {"location": "eastus"},
    "vmSize": {"vmSize": "Standard_D2s_v5"},
    "image": {"image": "debian:debian-12:12-gen2:latest"},
    "imageId": {"imageId": f"{PROVIDERS}/Microsoft.Compute/images/lab"},
    "plan": {"plan": "almalinux:almalinux-x86_64:9-gen2"},
    "ubuntuOSVersion": {"ubuntuOSVersion": "22.04-LTS"},
    "customData": {"customData": "#cloud-config"},
    "customDataFile": {"customDataFile": __file__},
    "lockFile": {"vmSize": "Standard_D2s_v5"},
    "vmCount": {"vmCount": 2},
    "minCount": {"vmCount": 2, "minCount": 1},
    "member": {"member": 1},
    "zone": {"zone": 1},
    "priority": {"priority": "Regular"},
    "maxPrice": {"maxPrice": 0.5},
    "evictionPolicy": {"evictionPolicy": "Delete"},
    "managedIdentity": {
        "managedIdentity": ["system", f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/me"]
    },
    "securityType": {"securityType": "TrustedLaunch"},
    "secureBoot": {"secureBoot": True, "securityType": "TrustedLaunch"},
    "vTpm": {"vTpm": True, "securityType": "TrustedLaunch"},
    "encryptionAtHost": {"encryptionAtHost": True},
    "diskControllerType": {"diskControllerType": "nvme"},
    "ephemeralOsDisk": {"ephemeralOsDisk": "cache", "evictionPolicy": "Delete", "priority": "Spot"},
    "osDiskCaching": {"osDiskCaching": "readonly"},
    "dataDiskType": {"dataDiskType": "Premium_LRS"},
    "dataDiskCaching": {"dataDiskCaching": "None"},
    "dataDiskIops": {"dataDiskIops": 4000, "dataDiskType": "PremiumV2_LRS"},
    "dataDiskMbps": {"dataDiskMbps": 200, "dataDiskType": "UltraSSD_LRS"},
    "acceleratedNetworking": {"acceleratedNetworking": "auto"},
    "privateIpAddress": {"privateIpAddress": "10.0.0.9"},
    "networkSecurityGroupOn": {"networkSecurityGroupOn": "both"},
    "proximityPlacementGroup": {
        "proximityPlacementGroup": f"{PROVIDERS}/Microsoft.Compute/proximityPlacementGroups/near"
    },
    "bootDiagnostics": {"bootDiagnostics": False},
    "tags": {"tags": "a=b"},
    "adminUsername": {"adminUsername": "mia"},
    "authenticationType": {"authenticationType": "password", "adminPasswordOrKey": "Correct-horse-7"},
    "adminPasswordOrKey": {"adminPasswordOrKey": KEY},
    "subnetId": {"subnetId": SUBNET},
    "virtualNetworkName": {"virtualNetworkName": "lab-net"},
    "subnetName": {"subnetName": "lab-subnet"},
    "networkSecurityGroupName": {"networkSecurityGroupName": "lab-nsg"},
    "addressPrefix": {"addressPrefix": "10.0.0.0/8"},
    "subnetPrefix": {"subnetPrefix": "10.0.1.0/24"},
    "vmPorts": {"vmPorts": "22,80"},
    "sourceAddressPrefixes": {"sourceAddressPrefixes": "*"},
    "publicIp": {"publicIp": False},
    "dnsLabelPrefix": {"dnsLabelPrefix": "exp1"},
    "osDiskSizeGB": {"osDiskSizeGB": 64},
    "osDiskType": {"osDiskType": "Premium_LRS"},
    "dataDisks": {"dataDisks": "64"},
    "ttl": {"ttl": "2h"},
    "maxHourlyPrice": {"maxHourlyPrice": 2},
    "prefer": {"prefer": "price"},
    "budget": {"budget": 20},
    "stopMode": {"stopMode": "deallocate"},
    "keepGroup": {"keepGroup": True},
    "waitFor": {"waitFor": "ssh"},
    "deployTimeout": {"deployTimeout": 60},
    "pollTimeout": {"pollTimeout": 60},
    "pollInterval": {"pollInterval": 5},
    "requestTimeout": {"requestTimeout": 5},
    "asyncResultsUrl": {"asyncResultsUrl": "vmops:operation/1"},
}
"""For every parameter a value that is another one than in BASE, with what it needs."""

RUN: dict[str, dict[str, str]] = {
    "README.md": dict.fromkeys(("console", "python"), "functional/test_readme.py"),
    "docs/again.md": {"sh": "functional/test_lock_file.py", "python": "functional/test_teardown.py"},
    "docs/ci.md": {"yaml": "functional/test_pages.py"},
    "docs/commands.md": {"sh": "functional/test_cli.py"},
    "docs/containers.md": {"console": "places/containers.py"},
    "docs/cluster.md": {"sh": "functional/test_cluster.py"},
    "docs/fleets.md": dict.fromkeys(("console", "python"), "functional/test_pages.py"),
    "docs/guests.md": dict.fromkeys(("console", "json"), "functional/test_inside_pages.py"),
    "docs/inside.md": dict.fromkeys(("sh", "python"), "functional/test_inside_pages.py"),
    "docs/local-azure.md": dict.fromkeys(("console", "json"), "functional/test_pages.py"),
    "docs/logging.md": {"python": "functional/test_pages.py"},
    "docs/mlos_bench.md": {"console": "functional/test_mlos_example.py", "jsonc": "unit/test_mlos_schema.py"},
    "docs/places.md": {"console": "functional/test_pages.py"},
    "docs/prices.md": {"console": "functional/test_pages.py"},
    "docs/pulumi.md": {"sh": "functional/test_pages.py"},
    "docs/python.md": {"python": "functional/test_teardown.py", "ini": "functional/test_pytest_plugin.py"},
    "docs/real-clients.md": dict.fromkeys(
        ("console", "go", "js", "python", "sh", "yaml"), "functional/test_real_clients.py"
    ),
    "docs/smoke.md": {"bash": "functional/test_readme.py"},
    "docs/teardown.md": {
        "sh": "functional/test_readme.py",
        "python": "functional/test_teardown.py",
        **dict.fromkeys(("ini", "crontab"), "functional/test_pages.py"),
    },
    "docs/tutorial.md": dict.fromkeys(("console", "python"), "functional/test_readme.py"),
}
"""By page and language, the test that runs the blocks; or in a sentence, why none can."""


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Give the rows of the parameters' tables: name, type and default, meaning, effect of a change."""
    for line in (ROOT / "docs/parameters.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            names, default, does, changed = cells
            yield names.strip("`"), default, does, changed


def defaults() -> dict[str, str]:
    """Give each parameter's default as the page writes it."""
    spec = VmSpec.from_params({"vmName": "exp1"})
    found = {name: written(value).replace("exp1", "<vmName>") for name, value in spec.to_wire().items()}
    absent = dict.fromkeys(VmSpec.parameters() - found.keys(), "none")
    return {**absent, **found, "vmName": "required", "ubuntuOSVersion": release(spec)}


def written(value: Any) -> str:
    """Write a value as a person would type it; an empty one is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value or "none")


def release(spec: VmSpec) -> str:
    """Give the release of Ubuntu whose image the default is."""
    return next(each for each in ("22.04-LTS", "24.04-LTS") if image(each) == spec.image)


def test_parameters_page_lists_exactly_the_parameters() -> None:
    """A parameter that is not described is not found; one that is not read is a promise broken."""
    assert sorted(name for name, *_ in rows()) == sorted(VmSpec.parameters()) == sorted(NAMES)


@pytest.mark.parametrize(("name", "default", "does", "changed"), list(rows()))
def test_described_parameters_equal_the_page(name: str, default: str, does: str, changed: str) -> None:
    """``vmops params`` shows the same text."""
    told = DESCRIBED[name]
    assert (told.meaning, told.changed) == (does, changed)
    assert default.replace("`", "") == told.type or default.startswith(f"{told.type}, ")


@pytest.mark.parametrize(("name", "described"), [(name, described) for name, described, *_ in rows()])
def test_parameters_page_has_the_real_defaults(name: str, described: str) -> None:
    """A default is in backticks; without one the parameter is required, or none."""
    marked = re.findall(r"`([^`]+)`", described)
    assert (marked or [described.rpartition(", ")[2]]) == [defaults()[name]]


@pytest.mark.parametrize(("name", "changed"), [(name, changed) for name, *_, changed in rows()])
def test_parameters_page_has_the_real_effect_of_a_change(name: str, changed: str) -> None:
    """It is one of the effects that the page explains; identity and digest confirm it."""
    before, after = (VmSpec.from_params(params) for params in (BASE, {**BASE, **OTHER[name]}))
    assert changed.startswith(("in place", "replaces", "refused", "another VM", "no deployment", "as "))
    assert (changed == "another VM") == (before.stack != after.stack)
    assert (changed == "no deployment") == (before.canonical() == after.canonical())


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda file: file.name)
def test_each_parameters_example_is_a_valid_spec(file: Path) -> None:
    """It is copied as it is."""
    assert VmSpec.from_params(read_params(None, file, [])).ttl


def test_the_readme_names_every_setting() -> None:
    """What can be set in the environment is found without reading the source."""
    named = set(re.findall(r"`VMOPS_(\w+)`", (ROOT / "README.md").read_text()))
    assert {name.upper() for name in Settings.model_fields} <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documented_variables_are_read_or_set_by_the_code(page: Path) -> None:
    """A systemd unit or a crontab with an unknown variable would have no effect, and no error."""
    given = ("HOST", "SSH", "SSH_HOST", "SSH_PORT", "OUTPUTS", "PYTHON", "LOCAL_GUESTS", "LOCAL_AZURE")
    ours = {*given, *(name.upper() for name in Settings.model_fields)}
    assert set(re.findall(r"\bVMOPS_(\w+)", page.read_text())) - ours == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page: Path) -> None:
    """The file exists, and the heading if the link names one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"\w+:", target):
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} -> {target}"
        assert not heading or heading in headings(file), f"{page.name} -> {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_is_run_by_a_test(page: Path) -> None:
    """An example that no test runs becomes wrong."""
    name = str(page.relative_to(ROOT))
    found = set(re.findall(r"^```([a-z]+)$", page.read_text(), re.MULTILINE)) - {"text"}
    named = RUN.get(name, {})
    assert not (missing := found - named.keys()), f"{name}: which test runs its {missing} blocks? Say so in RUN"
    assert not (gone := named.keys() - found), f"{name}: it has no {gone} blocks any more; take them from RUN"
    for runner in (each for each in named.values() if " " not in each):
        assert page.name in (ROOT / "tests" / runner).read_text(), f"tests/{runner} does not read {name}"


def test_the_performance_page_shows_the_measured_results() -> None:
    """After a measurement `python -m benchmarks.page` writes them."""
    text = performance.PAGE.read_text()
    assert text.count("<!-- results/") == len(performance.TABLES)
    assert performance.written(text) == text


def headings(page: Path) -> set[str]:
    """Give the anchors of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_contains_a_path_of_the_authors_machine(page: Path) -> None:
    """Such a path does not exist elsewhere."""
    assert MACHINE_PATH.findall(page.read_text()) == []


def test_decisions_are_numbered_without_gaps() -> None:
    """Each has a page with a title."""
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert all(page.read_text().startswith("# ") for page in DECISIONS)


def test_the_changelog_has_this_version() -> None:
    """Changes are in the section of this version, or in an undated one above it."""
    first, *sections = re.findall(r"^## (.*)\n\n- ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    dated = sections[0] if first == "Unreleased" else first
    assert re.fullmatch(rf"{re.escape(__version__)} \(\d{{4}}-\d\d-\d\d\)", dated)
