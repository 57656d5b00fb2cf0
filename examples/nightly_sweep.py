"""Remove every VM whose time to live is over, and say what needs a person: `python nightly_sweep.py`, from cron."""

import json
import subprocess
import sys

done = subprocess.run(["vmops", "sweep", "--json"], stdout=subprocess.PIPE, text=True)
report = json.loads(done.stdout)
for vm in report["swept"]:
    reason = vm["failure"]["message"] if vm["failure"] else ""
    print(f"{vm['vmName']}: {vm['outcome']} {reason}".rstrip())
for failure in report["unsearched"]:
    print(f"could not look everywhere: {failure['message']}")
sys.exit(done.returncode)
