"""Programs that ship vmops in other forms: a directory, an archive, a frozen program."""

import shutil
import sys
import zipapp
from pathlib import Path

from tests.places.ground import BARE, CHECKOUT, PACKAGES, expect, run, tool, wheel

SCRIPT = "import sys; from life import life; print(life(sys.argv[1]))"


def target(place: Path) -> None:
    """Run from ``pip install --target``, as in a function's layer or under Bazel."""
    run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(place / "target"), wheel()], place)
    expect(run([BARE, "-c", SCRIPT, "target"], place, PYTHONPATH=str(place / "target")), "lived")


def archive(place: Path) -> None:
    """Run from a zip archive of Python, with its dependencies installed beside it."""
    packed = place / "packed"
    shutil.copytree(CHECKOUT / "vmops", packed / "vmops", ignore=shutil.ignore_patterns("__pycache__"))
    (packed / "life.py").write_text((place / "life.py").read_text())
    (packed / "__main__.py").write_text(SCRIPT)
    zipapp.create_archive(packed, place / "app.pyz")
    (place / "life.py").unlink()
    expect(run([BARE, "app.pyz", "archive"], place, PYTHONPATH=PACKAGES), "lived")


def frozen(place: Path) -> None:
    """Run in a program of PyInstaller: refused without a Python, and never started recursively; then with one."""
    (place / "app.py").write_text(f"print('begun', flush=True)\n{SCRIPT}\n")
    hidden = [f"--hidden-import=vmops.{name}" for name in ("ops.api", "core.settings", "protocol", "ops.deployments")]
    build = [tool("pyinstaller"), "--noconfirm", "--log-level=ERROR", "--exclude-module=pulumi_azure_native", *hidden]
    run(
        [
            *build,
            "--collect-submodules=vmops.ops",
            "--collect-data=vmops",
            "--collect-submodules=vmops.deploy",
            "app.py",
        ],
        place,
    )
    refused = run([str(place / "dist/app/app"), "frozen"], place)
    expect(refused, "is a frozen program, whose interpreter cannot be started by itself")
    if refused.count("begun") != 1 or "VMOPS_PYTHON" not in refused:
        raise AssertionError(refused)
    expect(run([str(place / "dist/app/app"), "frozen"], place, VMOPS_PYTHON=sys.executable), "lived")
