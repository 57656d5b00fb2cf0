"""The example for mlos_bench and its documentation: the real program on the local Azure."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.functional.doors import outlive
from vmops import Settings, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.leases.sweep import Outcome, sweep
from vmops.local import daemon, inspection

ROOT = Path(__file__).parents[2]
RUN = "python -m vmops.mlos --config experiment.jsonc"
PLAIN = "MLOS_BENCH_SKIP_SCHEMA_VALIDATION=true mlos_bench --config experiment.jsonc"
SIZES = {"Standard_B2s": "2", "Standard_D4s_v5": "4", "Standard_D8s_v5": "8"}
BLOCKS = re.findall(r"```console\n(.*?)```", (ROOT / "docs" / "mlos_bench.md").read_text(), re.DOTALL)


class Experiment:
    """A copy of the example in a repository of its own, for a user with an empty home."""

    def __init__(self, home: Path, engine: Path) -> None:
        self.directory = home / "experiment"
        self.state_dir = home / ".local" / "state" / "vmops"
        shutil.copytree(ROOT / "examples" / "mlos_bench", self.directory)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("VMOPS_", "XDG_", "GIT_"))}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**kept, "HOME": str(home), "PATH": path, "VMOPS_ENGINE": str(engine)}
        self.state_dir.mkdir(parents=True)
        daemon.ensure(self.state_dir, 0)
        self.run("git init --quiet && git remote add origin https://vmops.invalid/experiment.git && git add --all")
        self.run("git -c user.name=tester -c user.email=tester@vmops.invalid commit --quiet --message experiment")

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command in the directory."""
        return subprocess.Popen(
            command,
            shell=True,
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, code: int = 0) -> tuple[str, str]:
        """Run a command in the directory, which must end with this code; give its output and errors."""
        with self.start(command) as running:
            said, errors = running.communicate()
        assert running.returncode == code, errors
        return said, errors

    def change(self, file: str, old: str, new: str) -> None:
        """Change one thing in a config."""
        text = (self.directory / file).read_text()
        assert text.count(old) == 1
        (self.directory / file).write_text(text.replace(old, new))

    def trials(self) -> list[tuple[str, str, str]]:
        """Give the status, the size and the cores of each trial, as mlos_bench stored them."""
        query = """
            SELECT trial.status, config_param.param_value, trial_result.metric_value FROM trial
            JOIN config_param ON config_param.config_id = trial.config_id
            LEFT JOIN trial_result ON trial_result.trial_id = trial.trial_id AND metric_id NOT LIKE 'vmops_%'
            ORDER BY trial.trial_id
        """
        with closing(sqlite3.connect(self.directory / "mlos_bench.sqlite")) as database:
            return database.execute(query).fetchall()

    def places(self) -> list[dict[str, str]]:
        """Give the places of each trial's VMs, as mlos_bench stored them in its results."""
        query = "SELECT trial_id, metric_id, metric_value FROM trial_result WHERE metric_id LIKE 'vmops_%'"
        found: dict[int, dict[str, str]] = {}
        with closing(sqlite3.connect(self.directory / "mlos_bench.sqlite")) as database:
            for trial, name, value in database.execute(query):
                found.setdefault(trial, {})[name] = value
        return [found[trial] for trial in sorted(found)]

    def measured(self) -> list[dict[str, str]]:
        """Give `places` of the trials that have ended, while others run."""
        with suppress(sqlite3.OperationalError):  # there are no tables yet
            return self.places()
        return []

    def left(self) -> list[str]:
        """Give the ids of all resources in the local Azure."""
        return [each["id"] for each in inspection.listed(self.state_dir, "resources")]


@pytest.fixture
def experiment(tmp_path: Path, engine: Path) -> Iterator[Experiment]:
    """Give an experiment; its local Azure ends with it."""
    experiment = Experiment(tmp_path, engine)
    yield experiment
    daemon.stop(experiment.state_dir)


@pytest.mark.parametrize("block", BLOCKS, ids=["admitted", "plain"])
def test_the_page_about_mlos_bench_runs(experiment: Experiment, block: str) -> None:
    """Every command succeeds with the documented output, every trial has results, and nothing is left."""
    for command, said in re.findall(r"^\$ (.*)\n([^$]*)", block, re.MULTILINE):
        assert experiment.run(command)[0] == said
    assert experiment.trials() == [("SUCCEEDED", *each) for each in SIZES.items()]
    assert [each["vmops_size"] for each in experiment.places()] == [*SIZES]
    assert experiment.left() == []


def test_a_fleet_stays_in_its_place_between_trials(experiment: Experiment) -> None:
    """One of two members moves in the first trial.

    The results of all trials name both places, although capacity is free again.
    """
    full = {"size": "Standard_D4s_v5", "left": 1}
    inspection.ask(experiment.state_dir, "PUT", "capacity", [full])
    with experiment.start(RUN.replace("experiment.jsonc", "fleet.jsonc")) as running:
        poll_until(lambda: running.poll() is not None or bool(experiment.measured()) or NotYet(0.05), timeout=300)
        inspection.ask(experiment.state_dir, "PUT", "capacity", [])
        VMOps(Settings(state_dir=experiment.state_dir)).refusals({}, forget=True)
        told = running.communicate()[1]
    assert running.returncode == 0, told
    assert [(status, cores) for status, _, cores in experiment.trials()] == [("SUCCEEDED", "8")] * 3
    first, *others = experiment.places()
    assert others == [first] * 2
    assert {first["vmops_size_0"], first["vmops_size_1"]} == {"Standard_D4s_v5", "Standard_D4as_v5"}
    assert (first["vmops_location"], first["vmops_ready"]) == ("westus2", "2")
    machines = [
        each for each in inspection.listed(experiment.state_dir, "journal") if "/virtualMachines/" in each["path"]
    ]
    assert len([each for each in machines if each["method"] == "PUT"]) == 3  # of two VMs, of which one moved
    assert experiment.left() == []


def test_a_script_runs_inside_the_vm_of_each_trial(
    tmp_path: Path, engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The VM's name is enough, also after each resize, and nothing is left."""
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "auto")
    experiment = Experiment(tmp_path, engine)
    try:
        told = inspection.guests(experiment.state_dir)
        if told["kind"] == "none":
            pytest.skip(told["reason"])
        experiment.run(RUN.replace("experiment.jsonc", "inside.jsonc"))
        measured = experiment.trials()
        assert [(status, size) for status, size, _ in measured] == [("SUCCEEDED", size) for size in SIZES]
        assert all(int(milliseconds) >= 0 for *_, milliseconds in measured)
        assert experiment.left() == []
        assert inspection.guests(experiment.state_dir)["running"] == 0
    finally:
        daemon.stop(experiment.state_dir)


@pytest.mark.parametrize("run", [RUN, PLAIN], ids=["admitted", "plain"])
def test_a_typo_in_the_services_config_is_refused(experiment: Experiment, run: str) -> None:
    """One sentence names it before anything happens, although mlos_bench validates no schema here."""
    experiment.change("service.jsonc", '"vmPorts"', '"vmPort"')
    _, told = experiment.run(run, code=1)
    assert "SpecError: config: vmPort: no such parameter or setting; did you mean vmPorts?" in told
    assert not (experiment.state_dir / "operations.db").exists()


def test_mlos_bench_refuses_a_typo_in_another_config(experiment: Experiment) -> None:
    """Only our service's config is exempt from its schema."""
    experiment.change("environment.jsonc", '"read_results_file"', '"read_result_file"')
    _, told = experiment.run(RUN, code=1)
    assert "Failed to validate config" in told
    assert experiment.left() == []


def test_an_exception_leaves_nothing_behind(experiment: Experiment) -> None:
    """The second trial's size is invalid, which ends the experiment; the first trial's VM is removed."""
    experiment.change("tunables.jsonc", '"Standard_D4s_v5"', '"two words"')
    _, told = experiment.run(RUN, code=1)
    assert "vmSize: 'two words'" in told
    assert "SpecError ended the experiment: its VM vm-sizes is being deprovisioned" in told
    assert experiment.trials()[0][0] == "SUCCEEDED"
    poll_until(lambda: NotYet(0.05) if experiment.left() else True, timeout=60)
    assert experiment.left() == []


@pytest.mark.parametrize(
    ("number", "code", "why"),
    [(signal.SIGTERM, 128 + 15, "SystemExit"), (signal.SIGINT, -2, "KeyboardInterrupt")],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_signal_that_ends_mlos_bench_leaves_nothing_behind(
    experiment: Experiment, number: signal.Signals, code: int, why: str
) -> None:
    """SIGTERM and Ctrl-C also remove a VM that is being made."""
    with experiment.start(f"exec {RUN}") as running:
        assert poll_until(
            lambda: any("virtualMachines" in each for each in experiment.left()) or NotYet(0.05), timeout=60
        )
        running.send_signal(number)
        told = running.communicate()[1]
    assert running.returncode == code, told
    assert f"{why} ended the experiment: its VM vm-sizes is being deprovisioned" in told
    poll_until(lambda: NotYet(0.05) if experiment.left() else True, timeout=60)
    assert experiment.left() == []


def test_vms_of_a_killed_mlos_bench_are_swept_after_their_ttl(experiment: Experiment) -> None:
    """After SIGKILL a sweep on any host removes the VM when it has expired."""
    with experiment.start(f"exec {RUN}") as running:
        assert poll_until(
            lambda: any("virtualMachines" in each for each in experiment.left()) or NotYet(0.05), timeout=60
        )
        running.kill()
    ops = VMOps(Settings(state_dir=experiment.state_dir))
    assert poll_until(lambda: ops.operations()[0].over or NotYet(0.05), timeout=60)
    assert sweep(ops).swept == []
    outlive(ops)
    assert [each.outcome for each in sweep(ops).swept] == [Outcome.REMOVED]
    assert experiment.left() == []
