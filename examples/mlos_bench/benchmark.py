"""Stand in for a benchmark: see that the trial's VM runs, and count the cores that its size promises."""

import os
import re
from pathlib import Path

from vmops import Settings, VMOps

params = dict(os.environ)
machine = VMOps(Settings(state_dir=Path(params["stateDir"]))).status({"vmName": params["vmName"]})["machine"]
if machine["power"] != "running":
    raise SystemExit(f"the VM does not run: {machine}")
[cores, *_] = re.findall(r"\d+", machine["vmSize"])
Path("result.csv").write_text(f"metric,value\ncores,{cores}\n")
