"""The lock file: the values that it pins, and contradictions."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from vmops.core.errors import SpecError
from vmops.spec import lock_file
from vmops.spec.lock_file import HashedText
from vmops.spec.vm_spec import VmSpec

SCRIPT = "#!/bin/sh\necho sesame\n"
EXACT = "Canonical:ubuntu-24_04-lts:server:24.04.202411010"


def content(**made: Any) -> dict[str, Any]:
    """Give the content of a lock file with changes to ``made``."""
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    disk = {"sizeGB": 30, "type": "StandardSSD_LRS"}
    told = {
        "image": {**image, "exactVersion": "24.04.202411010"},
        "vmSize": "Standard_D4s_v5",
        "location": "eastus",
        "zone": None,
        "priority": "Regular",
        "osDisk": disk,
        "dataDisks": [{**disk, "sizeGB": 64}],
        "customData": None,
    }
    return {
        "lockVersion": 1,
        "vmName": "exp1",
        "parameters": {"vmName": "exp1", "vmPorts": [22, 443], "ubuntuOSVersion": "24.04-LTS", "ttl": 3600.0},
        "made": {**told, **made},
        "tools": {"vmops": "0.2.0", "engine": "3.274.1", "azureNative": "3.0.0"},
        "guest": None,
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a lock file."""
    return written(tmp_path, content())


def written(directory: Path, what: object) -> Path:
    path = directory / "exp1.lock.yaml"
    path.write_text(yaml.safe_dump(what))
    return path


def spec(**params: Any) -> VmSpec:
    return VmSpec.from_params({"vmName": "exp1", **params})


def test_a_lock_file_pins_what_the_vm_was_made_with(file: Path) -> None:
    """The exact version and the requested parameters, without the time to live."""
    found = spec(lockFile=str(file))
    assert str(found.image) == EXACT
    assert (found.vm_size, found.location, found.data_disks) == ("Standard_D4s_v5", "eastus", (64,))
    assert (found.vm_ports, found.ttl) == ((22, 443), None)


@pytest.mark.parametrize(
    "params",
    [
        {"vmName": "exp2", "resourceGroup": "other", "ttl": "2h"},
        {"vmPorts": "22,443", "vmSize": "standard_d4s_v5", "location": "East US", "dataDisks": "64"},
        {"ubuntuOSVersion": "24.04-LTS"},
        {"image": EXACT},
        {"image": "canonical:ubuntu-24_04-lts:server:latest"},
    ],
)
def test_equal_values_do_not_contradict_the_lock_file(file: Path, params: dict[str, Any]) -> None:
    """In any form of writing; ``latest`` matches the pinned version."""
    assert str(spec(lockFile=str(file), **params).image) == EXACT


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"vmSize": "Standard_B2s"}, "vmSize: 'Standard_B2s' contradicts the lock file, which has 'Standard_D4s_v5'"),
        ({"vmPorts": [22]}, r"vmPorts: \[22\] contradicts the lock file, which has \[22, 443\]"),
        ({"ubuntuOSVersion": "22.04"}, "image: '22.04' contradicts the lock file"),
        ({"image": EXACT[:-1] + "1"}, "image: .* contradicts the lock file"),
        ({"customData": SCRIPT}, "customData: it differs from the one that the lock file was made with"),
    ],
)
def test_a_contradicting_parameter_is_refused(file: Path, params: dict[str, Any], sentence: str) -> None:
    """Otherwise another environment would be taken for the same one."""
    with pytest.raises(SpecError, match=sentence):
        spec(lockFile=str(file), **params)


def test_an_image_id_is_pinned_as_given(tmp_path: Path) -> None:
    """It is known by its id, which is a parameter like any other."""
    image = f"/subscriptions/{'1' * 8}-1111-1111-1111-{'1' * 12}/resourceGroups/g/providers/Microsoft.Compute/images/i"
    lock = content(image=None)
    lock["parameters"] = {"imageId": image}
    assert spec(lockFile=str(written(tmp_path, lock))).image_id == image


def test_given_custom_data_must_match_the_hash(tmp_path: Path) -> None:
    """Without it, an existing VM keeps its own, and a new one is refused."""
    sealed = HashedText.of(SCRIPT)
    assert sealed.scrypt != HashedText.of(SCRIPT).scrypt
    path = written(tmp_path, content(customData=sealed.model_dump()))
    assert SCRIPT not in path.read_text()
    given = spec(lockFile=str(path), customData=SCRIPT)
    assert (given.custom_data and given.custom_data.get_secret_value(), given.kept) == (SCRIPT, frozenset())
    assert spec(lockFile=str(path)).kept == {"customData"}
    with pytest.raises(SpecError, match="customData: it differs from") as refused:
        spec(lockFile=str(path), customData="#!/bin/sh\nsesame2\n")
    assert "sesame2" not in str(refused.value)


def test_the_original_custom_data_file_is_used_if_unchanged(tmp_path: Path) -> None:
    """Its file may be there and say the same; if it says another thing, that is not taken."""
    script = tmp_path / "setup.sh"
    script.write_text(SCRIPT)
    lock = content(customData=HashedText.of(SCRIPT).model_dump())
    lock["parameters"]["customDataFile"] = str(script)
    path = written(tmp_path, lock)
    assert spec(lockFile=str(path)).custom_data
    script.write_text("#!/bin/sh\n")
    other = spec(lockFile=str(path))
    assert other.custom_data is None
    assert other.kept == {"customData"}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({**content(), "lockVersion": 2}, "is no lock file of version 1: lockVersion: "),
        ({**content(), "more": 1}, "is no lock file of version 1: more: "),
        (content(zone=1), "is no lock file of version 1: made.zone: "),
        ("text", "is no lock file of version 1: all of it: "),
    ],
)
def test_a_malformed_lock_file_is_refused(tmp_path: Path, what: object, sentence: str) -> None:
    """The message says what is wrong."""
    path = written(tmp_path, what)
    with pytest.raises(SpecError, match=f"^lockFile: {path} {sentence}"):
        lock_file.read(path)


def test_a_missing_lock_file_is_named() -> None:
    """Before anything happens."""
    with pytest.raises(SpecError, match=r"^lockFile: /no/such/file cannot be read: No such file or directory$"):
        spec(lockFile="/no/such/file")
