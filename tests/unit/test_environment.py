"""The environment of workers and engines."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.azure.clouds import Cloud
from vmops.core.environment import filtered_environment
from vmops.engine.environment import engine_environment

CLOUDS = st.sampled_from(["local", "public", "usgovernment", "china"])
BACKENDS = st.sampled_from(["file:///state", "azblob://states", "s3://states", "gs://states", "postgres://db", "", ":"])
NAMES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["PULUMI_", "pulumi_", "AZURE_", "ARM_", "VMOPS_", "AWS_", "PYTHON", "LC_", ""]), st.text("A_Z")
    ),
)
SECRETS = {
    "PULUMI_ACCESS_TOKEN": "p",
    "PULUMI_CONFIG_PASSPHRASE": "p",
    "PULUMI_BACKEND_URL": "s3://elsewhere",
    "AZURE_CLIENT_SECRET": "a",
    "ARM_CLIENT_SECRET": "a",
    "AZURE_STORAGE_KEY": "s",
    "AWS_SECRET_ACCESS_KEY": "s",
    "GOOGLE_CREDENTIALS": "g",
    "PGPASSWORD": "d",
    "GITHUB_TOKEN": "t",
    "PYTHONPATH": "/elsewhere",
    "LD_PRELOAD": "/elsewhere.so",
}


@given(environment=st.dictionaries(NAMES, st.text()), cloud=CLOUDS, backend=BACKENDS)
def test_pulumi_variables_never_pass(environment: dict[str, str], cloud: str, backend: str) -> None:
    """A user's own stacks, tokens and passphrases are not used."""
    passed = filtered_environment(environment, cloud=cloud, backend=backend)
    assert [name for name in passed if name.upper().startswith("PULUMI")] == []


@given(environment=st.dictionaries(NAMES, st.text()), cloud=CLOUDS, backend=BACKENDS)
def test_passed_variables_are_unchanged(environment: dict[str, str], cloud: str, backend: str) -> None:
    """Only the list of hosts without a proxy is added."""
    passed = filtered_environment(environment, cloud=cloud, backend=backend)
    assert passed.keys() - environment.keys() == {"NO_PROXY", "no_proxy"}
    assert all(passed[name] == environment[name] for name in passed.keys() & environment.keys())


@pytest.mark.parametrize(
    ("cloud", "backend", "names"),
    [
        ("local", "file:///state", set()),
        ("public", "file:///state", {"AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET", "AZURE_STORAGE_KEY"}),
        ("china", "file:///state", {"AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET", "AZURE_STORAGE_KEY"}),
        ("local", "azblob://states?storage_account=a", {"AZURE_STORAGE_KEY"}),
        ("local", "s3://states", {"AWS_SECRET_ACCESS_KEY"}),
        ("local", "gs://states", {"GOOGLE_CREDENTIALS"}),
        ("local", "postgres://ada@db/states", {"PGPASSWORD"}),
    ],
)
def test_credentials_pass_only_where_needed(cloud: str, backend: str, names: set[str]) -> None:
    """Azure's for a real cloud, a storage's for a backend on it, all others never."""
    assert filtered_environment(SECRETS, cloud=cloud, backend=backend).keys() - {"NO_PROXY", "no_proxy"} == names


@pytest.mark.parametrize(
    ("environment", "spared"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "intranet"}, "intranet,127.0.0.1,localhost,::1"),
        ({"no_proxy": "intranet"}, "intranet,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "", "no_proxy": "intranet"}, "intranet,127.0.0.1,localhost,::1"),
    ],
)
def test_loopback_is_excluded_from_proxies(environment: dict[str, str], spared: str) -> None:
    """The local Azure and the engine's gRPC use it; both spellings of the variable are set."""
    passed = filtered_environment(
        {**environment, "https_proxy": "http://proxy:3128"}, cloud="local", backend="file:///state"
    )
    assert passed == {"https_proxy": "http://proxy:3128", "NO_PROXY": spared, "no_proxy": spared}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of an engine, from a shell full of secrets."""
    for name, value in {**SECRETS, "PATH": "/usr/bin"}.items():
        monkeypatch.setenv(name, value)
    return engine_environment(
        Cloud("local", "http://127.0.0.1:4711", token="t0ken", provider=4712),
        f"file://{tmp_path}/backend",
        home=tmp_path / "pulumi",
        passphrase=tmp_path / "passphrase",
        scratch=tmp_path / "scratch",
    )


def test_the_engines_settings_are_ours(tmp_path: Path, engine: dict[str, str]) -> None:
    """It attaches to the running provider, reads its passphrase from a file, and downloads nothing."""
    told = {
        "TMPDIR": f"{tmp_path}/scratch",
        "PULUMI_HOME": f"{tmp_path}/pulumi",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/backend?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{tmp_path}/passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_PROVIDERS": "azure-native:4712",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    assert told.items() <= engine.items()


def test_no_secret_is_in_the_engines_environment(engine: dict[str, str]) -> None:
    """The user's other processes can read it."""
    assert engine.items() & SECRETS.items() == set()
    assert "t0ken" not in engine.values()


def test_a_file_backend_is_readable_only_by_its_owner(tmp_path: Path, engine: dict[str, str]) -> None:
    """The engine would make it readable for all, or fail if it is missing."""
    assert (tmp_path / "backend").stat().st_mode & 0o777 == 0o700


def test_the_engine_writes_no_log_files(tmp_path: Path, engine: dict[str, str]) -> None:
    """Existing ones are deleted, and a file takes the place of their directory."""
    logs = tmp_path / "pulumi/logs"
    logs.unlink()
    logs.mkdir()
    (logs / "one.log").touch()
    cloud, home = Cloud("local", "http://127.0.0.1:4711", provider=4712), tmp_path / "pulumi"
    for _ in range(2):
        engine_environment(cloud, engine["PULUMI_BACKEND_URL"], home, tmp_path / "passphrase", tmp_path / "scratch")
        assert logs.is_file()
