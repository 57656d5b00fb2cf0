"""Stand in for a benchmark: see that the trial's VMs run, and count the cores that their sizes promise.

The results say where the VMs are and what they were made from, too.
"""

import csv
import os
import re
from pathlib import Path

from vmops import Settings, VMOps

params = dict(os.environ)
ops, which = VMOps(Settings(state_dir=Path(params["stateDir"]))), {"vmName": params["vmName"]}
report = ops.status(which)
machines = [report["machine"]] if report["machine"] else report["members"]
if not machines or any(each["power"] != "running" for each in machines):
    raise SystemExit(f"not all VMs run: {machines}")
cores = sum(int(re.findall(r"\d+", each["vmSize"])[0]) for each in machines)
with Path("result.csv").open("w", newline="") as results:
    rows = csv.writer(results)
    rows.writerows([("metric", "value"), ("cores", cores), *ops.metrics(which).items()])
