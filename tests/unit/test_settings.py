"""The settings."""

import getpass
from pathlib import Path

import pytest

from vmops.core import backends
from vmops.core.errors import SpecError
from vmops.core.settings import Settings

NAMES = [f"VMOPS_{name.upper()}" for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all settings from the environment."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_the_local_cloud_and_this_user(tmp_path: Path) -> None:
    """Nothing has to be set, and nothing costs money."""
    settings = Settings()
    assert (settings.cloud, settings.owner) == ("local", getpass.getuser())
    assert settings.state_dir == tmp_path / ".local" / "state" / "vmops"
    assert settings.defaults() == {"cloud": "local"}


def test_every_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prefix is VMOPS_, so a program can be configured without a change."""
    told: dict[str, object] = {
        "state_dir": Path("/var/lib/vmops"),
        "cloud": "public",
        "subscription": "7b2c0e8e-6d0f-4c5e-9f0a-0d6d1d9c3b11",
        "location": "westus2",
        "owner": "ada",
        "database_url": None,
        "backend_url": "azblob://states",
        "engine": "path",
        "engine_silence": 90.0,
        "deploy_timeout": 1800.0,
        "request_timeout": 10.0,
        "poll_interval": 0.5,
        "poll_timeout": 60.0,
        "worker_idle": 30.0,
        "workers": 8,
        "cluster_key_file": Path("/etc/vmops/key"),
        "queue": "west",
        "claim_seconds": 5.0,
        "claim_renew": 1.0,
    }
    for name, value in told.items():
        monkeypatch.setenv(f"VMOPS_{name.upper()}", "" if value is None else str(value))
    assert Settings().model_dump() == told


def test_a_shared_database_holds_the_engines_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in its URL and too rare renewals are refused."""
    settings = Settings(database_url="postgresql://ada@127.0.0.1:5433/lab")
    assert settings.backend() == "postgres://ada@127.0.0.1:5433/lab?sslmode=disable"
    assert Settings(database_url="postgres://db.example/lab").backend() == "postgres://db.example/lab"
    for wrong in (
        {"database_url": "postgresql://ada:secret@db.example/lab"},
        {"database_url": "mysql://db.example/lab"},
        {"database_url": "postgresql://db.example/lab", "backend_url": "azblob://states"},
        {"claim_seconds": 5, "claim_renew": 3},
    ):
        with pytest.raises(SpecError) as refused:
            Settings(**wrong)
        assert "secret" not in str(refused.value)


def test_variables_without_the_prefix_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs use names such as OWNER or LOCATION."""
    monkeypatch.setenv("OWNER", "nobody")
    monkeypatch.setenv("LOCATION", "nowhere")
    assert (Settings().owner, Settings().location) == (getpass.getuser(), None)


def test_a_keyword_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program knows better than the shell that started it."""
    monkeypatch.setenv("VMOPS_LOCATION", "westus2")
    assert Settings(location="northeurope").location == "northeurope"


@pytest.mark.parametrize(("given", "meant"), [("state", "state"), ("~/state", "state"), ("./a/../b", "a/../b")])
def test_a_given_state_directory_becomes_absolute(tmp_path: Path, given: str, meant: str) -> None:
    """A worker runs in another directory."""
    assert Settings(state_dir=Path(given)).state_dir == tmp_path / meant


def test_a_state_directory_from_the_environment_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, whichever way it came."""
    monkeypatch.setenv("VMOPS_STATE_DIR", "~/vmops")
    assert Settings().state_dir == tmp_path / "vmops"


def test_defaults_have_parameter_names_and_only_given_values() -> None:
    """None would hide the parameter's own default."""
    settings = Settings(location="westus2", deploy_timeout=60.0, poll_timeout=0.0)
    assert settings.defaults() == {"cloud": "local", "location": "westus2", "deployTimeout": 60.0, "pollTimeout": 0.0}


def test_the_default_backend_is_below_the_state_directory(tmp_path: Path) -> None:
    """Two state directories share nothing by accident."""
    assert Settings(state_dir=tmp_path).backend() == f"file://{tmp_path}/backend"
    assert Settings(backend_url="s3://states").backend() == "s3://states"


@pytest.mark.parametrize("name", ["state", "a b", "feature%2Fx", "x#y?z", "it's", "\u00fc", "new\nline", "bytes\udcff"])
def test_a_backend_url_gives_its_directory_back(name: str) -> None:
    """Whatever characters the path has."""
    directory = Path("/somewhere", name)
    assert backends.directory_of(backends.of_directory(directory)) == directory


def test_the_query_of_a_backend_url_is_not_part_of_its_path() -> None:
    """The engine takes options there."""
    assert backends.directory_of("file:///states?no_tmp_dir=true") == Path("/states")


def test_settings_are_immutable() -> None:
    """Other settings need a new object."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().cloud = "public"


@pytest.mark.parametrize(
    ("name", "value"),
    [("cloud", "moon"), ("poll_timeout", "soon"), ("backend_url", "nowhere"), ("backend_url", "/tmp")],
)
def test_an_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The setting, its value and the rule, before anything happens."""
    monkeypatch.setenv(f"VMOPS_{name.upper()}", value)
    with pytest.raises(ValueError, match=rf"VMOPS_{name.upper()}: .*{value}"):
        Settings()


@pytest.mark.parametrize(
    ("path", "rule"),
    [("/tmp/\udcff", "only UTF-8 paths"), (f"/{'deep/' * 100}", "500 bytes long, and may have at most 450")],
)
def test_an_unusable_state_directory_is_refused(path: str, rule: str) -> None:
    """The engine and SQLite would fail later."""
    with pytest.raises(SpecError, match=rf"VMOPS_STATE_DIR: .*{rule}"):
        Settings(state_dir=Path(path))


def test_an_unknown_backend_is_refused_without_its_password() -> None:
    """Before anything happens, with the backends that there are."""
    with pytest.raises(SpecError) as refused:
        Settings(backend_url="postgresql://ada:pa55word@there/vmops")
    assert str(refused.value) == (
        "VMOPS_BACKEND_URL: 'postgresql://…': a Pulumi backend's URL begins with file://, azblob://, s3://, "
        "gs://, postgres://"
    )


def test_durations_may_have_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same forms as after -p are accepted; an invalid one is refused with one sentence."""
    monkeypatch.setenv("VMOPS_DEPLOY_TIMEOUT", "2h")
    monkeypatch.setenv("VMOPS_WORKER_IDLE", "5m")
    assert (Settings().deploy_timeout, Settings().worker_idle) == (7200.0, 300.0)
    monkeypatch.setenv("VMOPS_POLL_TIMEOUT", "soon")
    with pytest.raises(SpecError) as refused:
        Settings()
    rule = "'soon' is not a duration (seconds, or a number with s, m, h or d)"
    assert refused.value.problems == (f"VMOPS_POLL_TIMEOUT: {rule}",)
