"""What a worker or an engine finds in its environment, and what never gets there."""

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
def test_no_setting_of_pulumis_ever_passes(environment: dict[str, str], cloud: str, backend: str) -> None:
    """A user's own stacks, tokens and passphrases have nothing to do with ours."""
    passed = filtered_environment(environment, cloud=cloud, backend=backend)
    assert [name for name in passed if name.upper().startswith("PULUMI")] == []


@given(environment=st.dictionaries(NAMES, st.text()), cloud=CLOUDS, backend=BACKENDS)
def test_what_passes_passes_unchanged(environment: dict[str, str], cloud: str, backend: str) -> None:
    """Nothing is made up but the list of hosts that no proxy serves."""
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
def test_a_secret_passes_to_those_who_need_it_only(cloud: str, backend: str, names: set[str]) -> None:
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
def test_loopback_is_never_reached_through_a_proxy(environment: dict[str, str], spared: str) -> None:
    """The local Azure and the engine's own gRPC are on it; both spellings are read by somebody."""
    passed = filtered_environment(
        {**environment, "https_proxy": "http://proxy:3128"}, cloud="local", backend="file:///state"
    )
    assert passed == {"https_proxy": "http://proxy:3128", "NO_PROXY": spared, "no_proxy": spared}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of an engine, out of a shell that is full of secrets."""
    for name, value in {**SECRETS, "PATH": "/usr/bin"}.items():
        monkeypatch.setenv(name, value)
    return engine_environment(
        Cloud("local", "http://127.0.0.1:4711", token="t0ken", provider=4712),
        f"file://{tmp_path}/backend",
        home=tmp_path / "pulumi",
        passphrase=tmp_path / "passphrase",
        scratch=tmp_path / "scratch",
    )


def test_the_engine_is_told_by_us_alone(tmp_path: Path, engine: dict[str, str]) -> None:
    """Its provider runs already, its passphrase is in a file, and it looks for nothing on the internet."""
    told = {
        "TMPDIR": f"{tmp_path}/scratch",
        "PULUMI_HOME": f"{tmp_path}/pulumi",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/backend",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{tmp_path}/passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_PROVIDERS": "azure-native:4712",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    assert told.items() <= engine.items()


def test_no_secret_is_in_the_engines_environment(engine: dict[str, str]) -> None:
    """An environment can be read by every process of the user, and is printed by more than one program."""
    assert engine.items() & SECRETS.items() == set()
    assert "t0ken" not in engine.values()


def test_a_backend_of_files_is_for_its_owner_only(tmp_path: Path, engine: dict[str, str]) -> None:
    """The engine would make it readable for all, or fail because it is not there."""
    assert (tmp_path / "backend").stat().st_mode & 0o777 == 0o700


def test_the_engine_keeps_no_logs_of_its_own(tmp_path: Path, engine: dict[str, str]) -> None:
    """Those that it has written go, and it writes no more: a directory of them stays a file."""
    logs = tmp_path / "pulumi/logs"
    logs.unlink()
    logs.mkdir()
    (logs / "one.log").touch()
    cloud, home = Cloud("local", "http://127.0.0.1:4711", provider=4712), tmp_path / "pulumi"
    for _ in range(2):
        engine_environment(cloud, engine["PULUMI_BACKEND_URL"], home, tmp_path / "passphrase", tmp_path / "scratch")
        assert logs.is_file()
