"""Run a command on one VM, and remove the VM whatever happens: `python one_vm.py`."""

import vmops

PARAMS = {"vmName": "one-vm", "vmSize": "Standard_D2s_v5", "ttl": "2h", "waitFor": "ssh"}

with vmops.machine(PARAMS) as vm:
    done = vm.exec(["uname", "-sm"], timeout=60)
    print(f"{vm.name} at {vm.host}: {done.stdout.decode().strip()}")
