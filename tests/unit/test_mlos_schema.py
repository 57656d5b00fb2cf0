"""The schema of service configs, mlos_bench's validation of them, and the registration of our classes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import json5
import jsonschema
import pytest
from mlos_bench.config.schemas import ConfigSchema
from mlos_bench.services.base_service import Service
from mlos_bench.services.config_persistence import ConfigPersistenceService
from mlos_bench.services.types.host_ops_type import SupportsHostOps
from mlos_bench.services.types.host_provisioner_type import SupportsHostProvisioning
from mlos_bench.services.types.os_ops_type import SupportsOSOps
from mlos_bench.services.types.vm_provisioner_type import SupportsVMOps

from vmops import SpecError, VmSpec, protocol
from vmops.mlos import PulumiVMService, VmSshService, schema
from vmops.mlos.config import Config

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "mlos_bench" / "service.jsonc"
PAGE = ROOT / "docs" / "mlos_bench.md"


@pytest.fixture
def admitted() -> Iterator[None]:
    """Register our classes with mlos_bench for one test."""
    known = ConfigSchema.SERVICE.schema["$defs"]["service_config"]["allOf"][0]["oneOf"]
    before = list(known)
    schema.register_classes()
    yield
    known[:] = before


def test_the_schema_has_all_parameters_and_settings() -> None:
    """The handle belongs to a call, not to a config."""
    assert jsonschema.Draft202012Validator.check_schema(schema.config_schema()) is None
    settings = {"stateDir", "owner", "backendUrl", "engine", "engineSilence", "workers", "workerIdle"}
    settings |= {"databaseUrl", "clusterKeyFile", "queue", "claimSeconds", "claimRenew"}
    assert schema.config_schema()["properties"].keys() == VmSpec.parameters() - {"asyncResultsUrl"} | settings


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"vmPorts": [22, 80], "sourceAddressPrefixes": ["10.0.0.0/8"], "tags": {"a": "b"}, "publicIp": False},
        {"vmPorts": "22,80", "sourceAddressPrefixes": "10.0.0.0/8", "tags": "a=b", "publicIp": "no", "ttl": "2h"},
        {"vmPorts": 22, "vmName": 123, "zone": 1, "ttl": 7200, "maxPrice": 0.1, "osDiskSizeGB": "64"},
        {"cloud": "$cloud", "vmName": "vm-$trial_runner_id"},
    ],
)
def test_the_schema_accepts_all_forms_of_a_value(config: dict[str, Any]) -> None:
    """mlos_bench's command line turns words into numbers, and has no lists."""
    schema.check(config)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"vmSizee": "x"}, "config: vmSizee: no such parameter or setting; did you mean vmSize?"),
        ({"colour": "red"}, "config: colour: no such parameter or setting"),
        ({"asyncResultsUrl": "u"}, "config: asyncResultsUrl: no such parameter or setting"),
        ({"cloud": "azure"}, "config: cloud: 'azure' is none of local, public, usgovernment, china"),
        ({"adminUsername": ["a"]}, "config: adminUsername: ['a'] is no string or integer or number"),
        ({"adminPasswordOrKey": {"a": "hunter2"}}, "config: adminPasswordOrKey: its value is no string or integer"),
    ],
    ids=["nearly ours", "unknown", "a call's own", "a word", "a type", "a secret"],
)
def test_a_wrong_config_is_refused_in_one_sentence(config: dict[str, Any], sentence: str) -> None:
    """When mlos_bench loads it, even if its validation is turned off."""
    with pytest.raises(SpecError) as refusal:
        PulumiVMService(config)
    [problem] = refusal.value.problems
    assert problem.startswith(sentence)
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"ssh_usrname": "x"}, "config: ssh_usrname: no such parameter or setting; did you mean ssh_username?"),
        ({"vmSize": "x"}, "config: vmSize: no such parameter or setting"),
        ({"ssh_port": "22"}, "config: ssh_port: '22' is no null or integer"),
    ],
)
def test_a_wrong_ssh_config_is_refused_in_one_sentence(config: dict[str, Any], sentence: str) -> None:
    """It knows which VM is meant, and what mlos_bench's own services read."""
    with pytest.raises(SpecError) as refusal:
        VmSshService(config)
    assert refusal.value.problems == (sentence,)


def test_registration_makes_mlos_bench_accept_our_classes(admitted: None) -> None:
    """Alone or in a list; registering twice has no further effect."""
    schema.register_classes()
    assert len(schema.CLASSES) == 4
    for name in schema.CLASSES:
        for config in ({"class": name}, {"class": name, "config": {"vmSize": "x"}}, {"services": [{"class": name}]}):
            ConfigSchema.SERVICE.validate(config)


@pytest.mark.parametrize(
    "config",
    [
        {"class": "vmops.mlos.NoSuchService"},
        {"class": "vmops.mlos.PulumiVMService", "configs": {}},
        {"class": "mlos_bench.services.remote.ssh.SshHostService", "config": {"ssh_usrname": "x"}},
    ],
    ids=["another class", "another key", "another service's typo"],
)
def test_registration_accepts_no_other_class(admitted: None, config: dict[str, Any]) -> None:
    """Only our class is let in."""
    with pytest.raises(jsonschema.ValidationError):
        ConfigSchema.SERVICE.validate(config)


def test_mlos_bench_builds_the_service_from_a_file(admitted: None, tmp_path: Path) -> None:
    """All capabilities are registered."""
    loader = ConfigPersistenceService()
    variables = {"stateDir": str(tmp_path), "experiment_id": "one"}
    mixed = loader.load_services([str(EXAMPLE)], variables, loader)
    for capability in (SupportsHostProvisioning, SupportsHostOps, SupportsOSOps, SupportsVMOps, protocol.SupportsVMOps):
        assert isinstance(mixed, capability)
    assert {type(each) for each in Service(parent=mixed)._services} >= {PulumiVMService}
    assert (tmp_path / "operations.db").exists()


def test_earlier_services_do_not_shadow_our_methods(tmp_path: Path) -> None:
    """mlos_bench copies exported methods over a service's attributes unless it registers them itself."""
    before = Service(methods=dict.fromkeys(("shutdown", "reboot", "vm_stop", "provision_host"), lambda *_: None))
    service = PulumiVMService({"stateDir": str(tmp_path)}, {}, before)
    public = {name for name in vars(PulumiVMService) if not name.startswith("_")}
    assert {name: getattr(service, name) for name in public} == service.export()
    assert {getattr(method, "__self__", None) for method in service.export().values()} == {service}


def test_variables_are_expanded_everywhere(tmp_path: Path) -> None:
    """Several in one value, and in nested values."""
    config = {"location": "eastus", "vmName": "$name-$location", "tags": {"where": "in $location"}, "stateDir": "$home"}
    read = Config.read(config, {"name": "vm", "home": str(tmp_path)}, None)
    assert read.parameters == {"location": "eastus", "vmName": "vm-eastus", "tags": {"where": "in eastus"}}
    assert read.settings.state_dir == tmp_path


def test_the_documented_configs_are_valid(admitted: None) -> None:
    """A copied config works."""
    configs = [json5.loads(block.partition("```")[0]) for block in PAGE.read_text().split("```jsonc\n")[1:]]
    assert configs
    for config in configs:
        ConfigSchema.SERVICE.validate(config)
        schema.check(config["config"])


def test_a_custom_data_file_is_searched_like_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It excludes customData."""
    monkeypatch.chdir("/")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "setup.sh").write_text("#!/bin/sh\n")
    loader = ConfigPersistenceService({"config_path": [str(tmp_path / "configs")]})
    service = PulumiVMService({"stateDir": str(tmp_path), "customDataFile": "setup.sh"}, {}, loader)
    with pytest.raises(SpecError) as refusal:
        service.provision_host({"vmName": "vm", "vmPorts": "no port"})
    assert [problem.partition(":")[0] for problem in refusal.value.problems] == ["vmPorts"]
    with pytest.raises(ValueError, match="customData: cannot be given together with customDataFile"):
        service.provision_host({"vmName": "vm", "customData": "#!/bin/sh"})


def test_only_the_ssh_services_need_asyncssh() -> None:
    """The VM service works without it."""
    program = "import sys; sys.modules['asyncssh'] = None; from vmops.mlos import PulumiVMService, {}"
    assert subprocess.run([sys.executable, "-c", program.format("main")], check=False).returncode == 0
    ended = subprocess.run([sys.executable, "-c", program.format("VmSshService")], capture_output=True, check=False)
    assert b"ImportError: vmops.mlos.VmSshService needs asyncssh (" in ended.stderr


@pytest.mark.parametrize("missing", ["mlos_bench", "pytz"])
def test_without_mlos_bench_the_extra_is_named(missing: str) -> None:
    """mlos_bench 0.6.2 itself lacks its dependency pytz."""
    program = f"import sys; sys.modules[{missing!r}] = None; import vmops.mlos"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    sentence = ended.stderr.splitlines()[-1]
    assert sentence.startswith("ImportError: vmops.mlos needs mlos_bench (")
    assert missing in sentence
    assert sentence.endswith("): pip install 'vmops[mlos]'")
