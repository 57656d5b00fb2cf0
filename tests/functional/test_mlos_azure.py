"""mlos_bench's own services for Azure, as it ships them, on the local Azure."""

from pathlib import Path

from benchmarks.floor import SUBSCRIPTION
from benchmarks.mlos import GROUP, Mlos
from tests.azure import Azure

VERSION = "api-version=2024-07-01"
HOME = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
VM = f"{HOME}/Microsoft.Compute/virtualMachines/exp1"


def test_mlos_benchs_own_service_runs_a_vm_from_its_own_template(azure: Azure, state_dir: Path) -> None:
    """Its templates deploy network and VM; start, stop, restart and deprovision work."""
    mlos = Mlos(state_dir, interval=0.05)
    mlos.up("exp1")
    assert azure.power(VM) == "running"
    login = azure.vm(VM)["properties"]["osProfile"]
    assert login["linuxConfiguration"]["ssh"]["publicKeys"][0]["keyData"].endswith("os-autotune-fake-key")
    deployed = azure.get(f"{HOME}/Microsoft.Resources/deployments/exp1-deployment?{VERSION}")["properties"]
    address = azure.get(f"{HOME}/Microsoft.Network/publicIPAddresses/exp1-PublicIP?{VERSION}")["properties"]
    assert deployed["outputs"]["hostname"]["value"] == address["dnsSettings"]["fqdn"]
    assert deployed["outputs"]["sshCommand"]["value"] == f"ssh mlos@{address['dnsSettings']['fqdn']}"
    assert deployed["parameters"]["adminPasswordOrKey"] == {"type": "SecureString"}
    mlos.power("exp1", "stop")
    assert azure.power(VM) == "stopped"
    mlos.power("exp1", "start")
    mlos.power("exp1", "restart")
    assert azure.power(VM) == "running"
    mlos.up("exp1")
    mlos.down("exp1")
    assert azure.power(VM) == "deallocated"
