"""The blocks of docs/real-clients.md run: the commands of vmops, and each client that is installed.

The packages of mlos_bench's section are development packages of vmops, so it always runs. The other clients are large:
``make clients`` installs them, and an installed one runs here, too. `test_proxy` and `test_tls` run the SDK's blocks.
"""

import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients.guide import PAGE, SECTIONS, commands, consoles, guide
from tests.clients.place import LIMIT, directory, installed, left, type_in
from tests.conftest import NO_GUESTS
from vmops.local import daemon
from vmops.local.daemon import Endpoint

OURS = "mlos"
"""The client whose packages are development packages of vmops."""

OTHERS = sorted(SECTIONS.keys() - {OURS})

PROVIDER = f"""#!{sys.executable}
import json, os
from urllib.parse import urlencode
from urllib.request import urlopen

def ask(url, form=None):
    return json.load(urlopen(url, form and urlencode(form).encode(), timeout=60))

cloud = ask(f"https://{{os.environ['ARM_METADATA_HOSTNAME']}}/metadata/endpoints?api-version=2022-09-01")
login = f"{{cloud['authentication']['loginEndpoint']}}/{{os.environ['ARM_TENANT_ID']}}/oauth2/v2.0/token"
who = {{"client_id": os.environ["ARM_CLIENT_ID"], "client_secret": os.environ["ARM_CLIENT_SECRET"]}}
print(ask(login, {{"grant_type": "client_credentials", "scope": cloud["resourceManager"] + "/.default", **who}}))
"""
"""A stand-in for ``pulumi``, whose provider cannot be installed here: it reads the metadata and logs in."""


def console(heading: str) -> str:
    """Give the first console block below a heading."""
    return consoles(PAGE.read_text().partition(f"# {heading}\n")[2])[0]


def script(block: str) -> str:
    """Give the commands of a console block as a script."""
    return "\n".join(("set -euo pipefail", *commands(block)))


def with_values(typed: str, here: Endpoint) -> str:
    """Replace the examples in a script by the values of a local Azure."""
    for example, value in (
        ("127.0.0.1:40003", urlsplit(here.arm_tls).netloc),
        ("…/local/tls/ca.pem", here.ca),
        ("SECRET=…", f"SECRET={here.token}"),
        ("--password …", f"--password {here.token}"),
    ):
        typed = typed.replace(example, value)
    return typed


def environment(state_dir: Path, *first: Path) -> dict[str, str]:
    """Give a user's environment for a state directory, with the ``first`` directories at the start of the path."""
    path = os.pathsep.join(map(str, (*first, os.environ["PATH"], Path(sys.executable).parent)))
    return {"VMOPS_STATE_DIR": str(state_dir), "AZURE_CONFIG_DIR": str(state_dir / "azure"), "PATH": path, **NO_GUESTS}


def unless_installed(client: str) -> pytest.MarkDecorator:
    """Give the mark of a test that needs a client."""
    why = f"not installed, and no package of vmops needs it: make clients CLIENTS={client} installs it"
    return pytest.mark.skipif(not installed(client, guide(client)), reason=why)


def stand_in(file: Path, content: str) -> None:
    file.write_text(content)
    file.chmod(0o755)


def test_the_commands_of_vmops_on_the_page_succeed(state_dir: Path, tmp_path: Path) -> None:
    """A command and a shell get the variables, the shell loses them again, and the listener's output has these keys."""
    stand_in(tmp_path / "experiment.sh", '#!/bin/sh\ntest -n "$HTTPS_PROXY"\n')
    stand_in(tmp_path / "pulumi", PROVIDER)
    mine = environment(state_dir, tmp_path, Path(sys.executable).parent)
    tls = console("Without the proxy")
    type_in(tmp_path, script(tls).replace("--json", "--json >started"), mine)
    assert json.loads((tmp_path / "started").read_text()).keys() == json.loads(tls.partition("\n")[2]).keys()
    provider = script(console("The official azure-native provider")).replace("pulumi up", "pulumi up >login")
    type_in(tmp_path, with_values(provider, daemon.ensure(state_dir)), mine)
    assert "access_token" in (tmp_path / "login").read_text()
    *set_up, take_back = script(console("Azure's own clients against the local Azure")).splitlines()
    both = [*set_up, 'test -n "$HTTPS_PROXY"', take_back, 'test -z "${HTTPS_PROXY-}"']
    type_in(tmp_path, "\n".join(both), mine)


@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize("client", [OURS, *(pytest.param(each, marks=unless_installed(each)) for each in OTHERS)])
def test_each_installed_client_runs_its_section(client: str, state_dir: Path, tmp_path: Path) -> None:
    """It leaves nothing. mlos_bench polls more often than its schema permits, so that the test is short."""
    daemon.ensure(state_dir, 0, proxy=True)
    told, place = guide(client), tmp_path if client == OURS else directory(client)
    for name, content in told.files.items():
        (place / name).write_text(content.replace('"pollInterval": 1,', '"pollInterval": 0.05,'))
    first = Path(sys.executable).parent if client == OURS else place / "python/bin"
    for command in told.run:
        type_in(place, command, environment(state_dir, first) | {"MLOS_BENCH_SKIP_SCHEMA_VALIDATION": "true"})
    assert left(state_dir) == []


@unless_installed("az")
def test_the_azure_cli_logs_in_with_explicit_endpoints(state_dir: Path) -> None:
    """No proxy is needed."""
    place, here = directory("az"), daemon.ensure(state_dir, 0, tls=True)
    login = with_values(script(console("The Azure CLI with explicit endpoints")), here)
    type_in(place, f"{login}\naz group list", environment(state_dir, place / "python/bin"))
