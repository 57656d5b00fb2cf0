"""The subscription of a CLI call that names none."""

from pathlib import Path

import pytest

from vmops import Settings, VMOps
from vmops.cli.subscription import with_subscription

AZ = "11111111-2222-3333-4444-555555555555"
GIVEN = "66666666-2222-3333-4444-555555555555"


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VMOps:
    """Give vmops on a real cloud, beside an `az` that has a subscription."""
    (tmp_path / "az").write_text(f'#!/bin/sh\ntest "$*" = "account show --query id --output tsv" && echo {AZ}\n')
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    (tmp_path / "state").mkdir(mode=0o700)
    return VMOps(Settings(state_dir=tmp_path / "state", cloud="public", subscription=None))


def test_the_subscription_of_az_is_used_and_shown(public: VMOps, capsys: pytest.CaptureFixture[str]) -> None:
    """The choice is printed, because money is spent there."""
    assert with_subscription(public, {"vmName": "exp1"}).settings.subscription == AZ
    assert capsys.readouterr().err == f"subscription {AZ}, by az\n"


def test_the_environments_subscription_precedes_az(public: VMOps, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for Azure's own clients."""
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", GIVEN)
    assert with_subscription(public, {}).settings.subscription == GIVEN


@pytest.mark.parametrize("params", [{"subscription": GIVEN}, {"cloud": "local"}])
def test_a_named_subscription_is_used_without_asking_az(
    public: VMOps, params: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`az` is not called, and the local cloud has its own subscription."""
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", AZ)
    assert with_subscription(public, params) is public
    assert capsys.readouterr().err == ""


def test_without_a_subscription_the_parameter_is_required(
    public: VMOps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without any of them the parameter is required."""
    (tmp_path / "az").write_text("#!/bin/sh\nexit 1\n")
    assert with_subscription(public, {}) is public
