"""Stand in for a benchmark: see that the trial's VMs run, and count the cores that their sizes promise."""

import os
import re
from pathlib import Path

from vmops import Settings, VMOps

params = dict(os.environ)
report = VMOps(Settings(state_dir=Path(params["stateDir"]))).status({"vmName": params["vmName"]})
machines = [report["machine"]] if report["machine"] else report["members"]
if not machines or any(each["power"] != "running" for each in machines):
    raise SystemExit(f"not all VMs run: {machines}")
cores = sum(int(re.findall(r"\d+", each["vmSize"])[0]) for each in machines)
Path("result.csv").write_text(f"metric,value\ncores,{cores}\n")
