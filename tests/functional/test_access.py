"""Logging in to VMs with the system's own OpenSSH, against a plain SSH server: ssh, exec, cp, ssh-config."""

import hashlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.functional.inside import PARAMS, WHICH, Inside, inside, put_key
from tests.functional.world import SPEC, VM, refused, spec_of
from tests.ssh_server import USER, one_process, ssh_server
from vmops import Machine, ProvisionError, SpecError, Status, StoreError, VmopsError
from vmops.azure.client import Arm
from vmops.azure.clouds import Cloud
from vmops.cli import access
from vmops.cli.on_vm import OnVm
from vmops.core import file_lock, keys
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import lock_path
from vmops.deploy import readiness
from vmops.jobs.operation import State, Verb
from vmops.jobs.store import Store
from vmops.ops.conditions import Condition
from vmops.ops.record import record
from vmops.ops.remembered import Remembered
from vmops.protocol import Params
from vmops.ssh.hosts import Hosts
from vmops.ssh.way_in import WayIn

needs_openssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no OpenSSH client here")
pytestmark = needs_openssh
BINARY = hashlib.sha512(b"seed").digest() * (5 << 14)  # 5 MB


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Give a VM that can be logged in to; its tests leave it unchanged."""
    with inside(tmp_path_factory.mktemp("inside") / 'it\'s 100% "so"') as lab:
        yield lab


@pytest.fixture
def machine(lab: Inside) -> Machine:
    """Give the VM to a program."""
    return Machine(lab.ops, PARAMS, {"name": "vm", "id": VM, "privateIp": "10.0.0.4"})


@pytest.mark.parametrize(
    ("command", "code", "out"),
    [
        (["sh", "-c", "exit 7"], 7, b""),
        (["sh", "-c", "exit 255"], 255, b""),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL, b""),
        (["no-such-command"], 127, b""),
        (
            ["printf", "%s|", "two words", "", "$HOME", "it's", '"', "*", "a\nb", "--"],
            0,
            b"two words||$HOME|it's|\"|*|a\nb|--|",
        ),
    ],
    ids=["code", "ssh's own code", "signal", "missing", "words"],
)
@pytest.mark.parametrize("timeout", [None, 600], ids=["endless", "bounded"])
def test_exec_exits_with_the_code_of_its_command(
    machine: Machine, command: list[str], code: int, out: bytes, timeout: float | None
) -> None:
    """Each word arrives unchanged. An exit code of 255 of the command is not taken for one of ssh."""
    done = machine.exec(command, timeout=timeout)
    assert (done.returncode, done.stdout) == (code, out), done.stderr


def test_exec_passes_stdin_and_arguments_unchanged(lab: Inside) -> None:
    """Stdin and stdout are binary and of any size, and stderr stays separate."""
    done = lab("exec", "vm", *WHICH, "--timeout", "10m", "--", "sh", "-c", "cat; echo told >&2; exit 7", given=BINARY)
    assert (done.returncode, hashlib.sha256(done.stdout).digest()) == (7, hashlib.sha256(BINARY).digest())
    assert done.stderr == b"told\n"


def test_exec_can_be_one_json_value(lab: Inside) -> None:
    """Exit code, stdout, stderr and seconds are one JSON object."""
    told = lab.json("exec", "vm", *WHICH, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert told.pop("seconds") > 0
    assert told == {"exitCode": 3, "stdout": "out\n", "stderr": "err\n"}


def test_exec_timeout_ends_the_command_in_the_vm(lab: Inside, machine: Machine) -> None:
    """The exit code is 124. Children of the command, and those that ignore the first signal, are ended too."""
    mark = lab.home / "ended.pids"
    program = f"trap '' TERM; sleep 600 & echo $$ $! >{shlex.quote(str(mark))}; wait; sleep 600"
    assert lab("exec", "vm", *WHICH, "--timeout", "0.5", "--", "sh", "-c", program).returncode == 124
    assert poll_until(lambda: not any(map(_lives, mark.read_text().split())) or NotYet(0.05), timeout=60)
    assert machine.exec(["sleep", "600"], timeout=0.2).returncode == 124


@pytest.mark.parametrize(
    ("name", "guest", "sentence"),
    [
        ("vm", {"port": 1}, "timeout: nothing answers as SSH on 127.0.0.1 port 1 within pollTimeout"),
        ("vm", {"user": "somebody"}, "auth: somebody@127.0.0.1: Permission denied"),
        ("none", {}, "not_found: there is no such VM; provision the VM first"),
        ("vm", None, "invalid: nothing runs inside vm: no namespaces here"),
    ],
    ids=["nobody answers", "nobody is let in", "no VM", "nothing inside"],
)
def test_an_unreachable_vm_raises_and_is_no_exit_code(
    lab: Inside, name: str, guest: dict[str, object] | None, sentence: str
) -> None:
    """The failure is one sentence with a next step."""
    params = {**PARAMS, "vmName": name, "pollTimeout": 0.3}
    meant = Machine(lab.ops, params, {"name": name, "id": VM, "privateIp": "10.0.0.4"})
    with lab.saying(guest), pytest.raises(ProvisionError) as refusal:
        meant.exec(["true"])
    assert str(refusal.value).startswith(f"{name}: {sentence}")


def test_an_unreachable_vm_exits_with_125(lab: Inside) -> None:
    """The exit code is 125, with text and with --json."""
    before = lab.world.left()
    with lab.saying(None):
        done = lab("exec", "vm", *WHICH, "--", "true")
        run = lab("run", "other", "-p", "ttl=1h", "--on-vm", "--", "true")
        told = lab.json("exec", "vm", *WHICH, "--", "true")
    sentence = "vm: invalid: nothing runs inside vm: no namespaces here; "
    assert (done.returncode, done.stderr.decode().startswith(f"error: {sentence}")) == (125, True)
    assert (run.returncode, lab.world.left()) == (125, before)
    assert b"error: other: invalid: waitFor: ssh: nothing runs inside it: no namespaces here; " in run.stderr
    assert (told["exitCode"], told["stdout"], told["stderr"].startswith(sentence)) == (125, "", True)


def test_a_lost_connection_is_not_an_exit_code(machine: Machine, lab: Inside, tmp_path: Path) -> None:
    """The fate of the command is unknown, so the exit code is 125."""
    public = keys.ssh_public_key(lab.state_dir, SPEC.stack)
    with (
        one_process(tmp_path / "other", public) as other,
        lab.saying({"port": other.port, "hostKey": other.public}),
        pytest.raises(ProvisionError, match="vm: interrupted: the connection was lost") as lost,
    ):
        machine.exec(["sh", "-c", f"kill -KILL {other.process.pid}; sleep 600"], timeout=20)
    assert lost.value.failure.retryable


def test_login_to_a_stopped_vm_suggests_vmops_start(lab: Inside) -> None:
    """The call fails at once instead of waiting."""
    lab.world.send("POST", f"{VM}/deallocate")
    lab.world.pass_time()
    try:
        with pytest.raises(VmopsError, match="the VM is deallocated; `vmops start vm -p "):
            lab.ops.ssh_host(PARAMS)
        assert lab.ops.wait_for("stopped", PARAMS)[1]["power"] == "deallocated"
        assert lab.ops.wait_for("ssh", {**PARAMS, "pollTimeout": 0.1}) == (Status.TIMED_OUT, {})
        assert lab.ops.wait_for("running", {**PARAMS, "pollTimeout": 0}) == (Status.PENDING, {})
    finally:
        lab.world.send("POST", f"{VM}/start")
        lab.world.pass_time()


def test_waiting_for_a_vm(lab: Inside) -> None:
    """A VM that runs or answers ends the wait at once, with its address. An absent VM that nobody makes fails it."""
    told = lab.json("wait", "vm", *WHICH, "--for", "ssh")
    assert (told["status"], told["result"]["sshPort"]) == ("SUCCEEDED", lab.server.port)
    assert lab.ops.wait_for("running", PARAMS) == (Status.SUCCEEDED, told["result"])
    assert _kind(lab, "running", {"vmName": "none"}) == "not_found"
    assert lab.json("wait", "none", "--for", "gone")["status"] == "SUCCEEDED"
    with lab.saying(None):
        assert _kind(lab, "ssh", PARAMS) == "invalid"
        assert lab.ops.wait_for("running", PARAMS)[0] is Status.SUCCEEDED


def test_wait_for_ssh_succeeds_once_ssh_answers(lab: Inside) -> None:
    """The VM's state in Azure may change during the wait. Without an answer in time the deployment fails."""
    spec, arm = spec_of(waitFor="ssh", pollInterval=0.01, deployTimeout=60), lab.arm
    outputs = {"publicIp": "203.0.113.1", "privateIp": "10.0.0.4"}
    known = {"sshHost": "127.0.0.1", "sshPort": lab.server.port}
    with lab.saying({"port": 1}):
        assert not readiness.is_as_awaited(arm, spec, outputs)
        later = threading.Timer(0.2, lab.say, [{}])
        later.start()
        assert readiness.ssh_of(arm, spec, outputs) == known
        later.join()
        assert readiness.is_as_awaited(arm, spec, outputs)
        lab.say({"port": 1})
        with refused(FailureKind.TIMEOUT, "the VM runs, but nothing answers as SSH on 127.0.0.1 port 1"):
            readiness.ssh_of(arm, spec_of(waitFor="ssh", pollInterval=0.01, deployTimeout=0.1), outputs)
        assert readiness.ssh_of(arm, SPEC, outputs) == {**known, "sshPort": 1}


def test_wait_for_ssh_without_a_guest_is_refused_at_once(lab: Inside) -> None:
    """Nothing is made for a request that can never succeed."""
    asked = {**PARAMS, "waitFor": "ssh"}
    before = lab.ops.history(asked)
    with lab.saying(None):
        assert lab.ops.vm_provision(asked) == (Status.FAILED, {})
    failure = lab.ops.last_failure(asked)
    assert failure
    assert str(failure).startswith(
        "invalid: waitFor: ssh: nothing runs inside it: no namespaces here; leave waitFor at"
    )
    assert lab.ops.history(asked) == before
    closed, real = spec_of(waitFor="ssh", vmPorts=[443]), Arm(Cloud("public", lab.world.url), timeout=60)
    with refused(FailureKind.INVALID, "port 22 is not among its vmPorts"):
        readiness.refuse_silent(real, closed)
    readiness.refuse_silent(real, spec_of(waitFor="ssh", vmPorts=[443], publicIp=False))


@pytest.mark.parametrize(("waits", "status"), [({}, Status.FAILED), ({"waitFor": "ssh"}, Status.PENDING)])
def test_a_provision_in_flight_without_wait_for_ssh_is_not_joined(
    lab: Inside, waits: dict[str, str], status: Status
) -> None:
    """The operation in flight would succeed without checking SSH."""
    store, settings = Store(lab.state_dir), lab.ops.settings
    params = {"vmName": f"flying-{len(waits)}", **waits}
    asked = Remembered(settings, store).asked(params)
    keyed = asked.spec.with_key(keys.ssh_public_key(lab.state_dir, asked.spec.stack))
    new = record(settings, keyed, Verb.PROVISION, asked.keyed(keyed, keys.digest_key(lab.state_dir)))
    working = replace(new, state=State.RUNNING)
    held = file_lock.acquire(lock_path(lab.state_dir, asked.spec.stack))
    assert held is not None
    try:
        assert store.insert(working)
        assert lab.ops.vm_provision({**params, "waitFor": "ssh"})[0] is status
        assert lab.ops.vm_provision(dict(params))[0] is Status.PENDING
    finally:
        store.transition(working.id, State.FAILED)
        os.close(held)


def test_ssh_runs_openssh(lab: Inside) -> None:
    """Words after -- go to the login shell, as with ssh, and the exit code is that of ssh."""
    done = lab("ssh", "vm", *WHICH, "--", "echo", "$((1 + 1))", ";", "exit 7")
    assert (done.returncode, done.stdout) == (7, b"2\n")


def test_cp_copies_both_ways(lab: Inside, tmp_path: Path) -> None:
    """Several files, directories with -r, and names with a colon are copied. The exit code is that of scp."""
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "a file").write_bytes(BINARY[:70000])
    (tmp_path / "a:b").write_text("colon")
    there = lab.home / "copied"
    there.mkdir()
    assert lab("cp", "-r", *WHICH, str(tree), str(tmp_path / "a:b"), f"vm:{there}").returncode == 0
    assert (there / "tree" / "deep" / "a file").read_bytes() == BINARY[:70000]
    assert lab("cp", "-r", *WHICH, f"vm:{there}", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back" / "a:b").read_text() == "colon"
    assert lab("cp", *WHICH, f"vm:{there}/none", str(tmp_path)).returncode == 1
    assert lab("cp", *WHICH, "none:x", str(tmp_path)).returncode == 125


@pytest.mark.parametrize(
    "paths", [["a", "b"], ["vm:a", "vm:b"], ["vm:a", "b", "c"], ["vm:a", "vn:b", "c"], ["a/vm:b", "c"]]
)
def test_cp_requires_one_side_in_one_vm(paths: list[str]) -> None:
    """Any other combination is a wrong call."""
    with pytest.raises(SpecError, match="one side must be NAME:PATH, all of one VM"):
        access.copy(paths[:-1], paths[-1], [], recursive=False)


def test_scp_with_the_legacy_protocol_finds_the_vm(lab: Inside, tmp_path: Path) -> None:
    """The written configuration serves every OpenSSH client."""
    if b"unknown option" in subprocess.run(["scp", "-O"], capture_output=True, check=False).stderr:
        pytest.skip("this scp knows one protocol only")
    file = lab.ops.ssh_host(PARAMS).file
    (tmp_path / "one").write_text("old")
    command = ["scp", "-O", "-q", "-F", str(file), str(tmp_path / "one"), f"vm:{shlex.quote(str(lab.home / 'old'))}"]
    subprocess.run(command, check=True, timeout=60)
    assert (lab.home / "old").read_text() == "old"


def test_a_program_runs_and_copies_there(machine: Machine, lab: Inside, tmp_path: Path) -> None:
    """The interface is that of `subprocess`; failures of vmops are exceptions."""
    done = machine.exec(["sh", "-c", "cat; exit 3"], input=BINARY)
    assert (done.returncode, done.stdout == BINARY, done.args) == (3, True, ["sh", "-c", "cat; exit 3"])
    (tmp_path / "put").write_text("put")
    machine.put(tmp_path / "put", str(lab.home / "put"))
    machine.get(str(lab.home / "put"), tmp_path / "got")
    assert (tmp_path / "got").read_text() == "put"
    with pytest.raises(ProvisionError, match="No such file"):
        machine.get(str(lab.home / "none"), tmp_path)
    nothing: list[str] = []
    for wrong in ("true", nothing):
        with pytest.raises(SpecError):
            machine.exec(wrong)


def test_a_replaced_vm_gives_no_host_key_warning(lab: Inside, machine: Machine, tmp_path: Path) -> None:
    """The host key is stored under Azure's id of the VM, not under its address."""
    public = keys.ssh_public_key(lab.state_dir, SPEC.stack)
    first, before = lab.vm_id, lab.ops.ssh_host(PARAMS)
    with lab.saying({"hostKey": ""}):  # as for a VM of a real cloud
        assert machine.exec(["true"]).returncode == 0
        assert before.known_hosts.read_text().startswith(f"vmops-{first} ssh-ed25519 ")
    put_key(lab.world, public)
    assert lab.vm_id != first
    with ssh_server(tmp_path / "anew", public) as anew, lab.saying({"hostKey": "", "port": anew.port}):
        done = machine.exec(["true"])
        assert (done.returncode, done.stderr) == (0, b"")
    with lab.saying({"hostKey": ""}), pytest.raises(ProvisionError, match="Host key verification failed"):
        machine.exec(["true"])


def test_ssh_reports_a_key_that_this_host_lacks(lab: Inside, tmp_path: Path) -> None:
    """The sentence says where the key is, before ssh asks for a password."""
    here = keys.ssh_key_file(lab.state_dir, SPEC.stack)
    put_key(lab.world, keys.ssh_public_key(lab.state_dir, SPEC.stack))
    away = here.rename(tmp_path / "key")
    try:
        done = lab("exec", "vm", *WHICH, "--", "true")
    finally:
        away.rename(here)
    assert done.returncode == 125
    assert f"the key that vmops has made for vm is not on this host: copy keys/ssh/{SPEC.stack}" in done.stderr.decode()


def test_status_tells_how_to_log_in(lab: Inside) -> None:
    """A script gets address, port, user and key from the JSON."""
    told = lab.json("status", "vm", *WHICH)
    assert told["guest"] == {"kind": "namespaces", "state": "up", "why": ""}
    seen = {name: told["machine"][name] for name in ("vmId", "sshHost", "sshPort", "sshUser", "hostKeyAlias")}
    assert seen == {
        "vmId": lab.vm_id,
        "sshHost": "127.0.0.1",
        "sshPort": lab.server.port,
        "sshUser": USER,
        "hostKeyAlias": f"vmops-{lab.vm_id}",
    }


def test_openssh_files_are_private(lab: Inside) -> None:
    """Each file is written whole, with mode 0600."""
    host = lab.ops.ssh_host(PARAMS)
    for file in (host.file, host.known_hosts, host.file.parents[1] / "config"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def _kind(lab: Inside, condition: Condition, params: Params) -> str:
    """Give the kind of failure of a wait for a VM."""
    assert lab.ops.wait_for(condition, params) == (Status.FAILED, {})
    failure = lab.ops.last_failure(params)
    assert failure
    return failure.kind


def _lives(pid: str) -> bool:
    """Tell whether a process is alive, and not a zombie."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ssh_config_install_makes_openssh_find_the_vms(lab: Inside, tmp_path: Path) -> None:
    """One Include line is added at the top and removed again; the rest of the file is unchanged."""
    host = lab.ops.ssh_host(PARAMS)
    files, own = Hosts(lab.state_dir), tmp_path / ".ssh" / "config"
    assert files.install(own)
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    own.write_text(f"{own.read_text()}Host other\n    User ada\n")
    assert not files.install(own)
    done = subprocess.run(["ssh", "-F", own, "vm", "echo inside"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "inside\n"), done.stderr
    told = subprocess.run(
        ["ssh", "-F", own, "-G", "vm"], capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    assert {f"hostkeyalias vmops-{lab.vm_id}", f"port {lab.server.port}", f"user {USER}"} <= set(told)
    assert host.name == "vm"
    assert files.uninstall(own)
    assert (own.read_text(), files.uninstall(own)) == ("Host other\n    User ada\n", False)


def test_ssh_config_install_keeps_a_symlinked_config(lab: Inside, tmp_path: Path) -> None:
    """The line is added to the target of the link."""
    kept, own = tmp_path / "dotfiles", tmp_path / "config"
    kept.write_text("Host other\n")
    own.symlink_to(kept)
    assert Hosts(lab.state_dir).install(own)
    assert own.is_symlink()
    assert len(kept.read_text().splitlines()) == 2


def test_ssh_hosts_of_equal_names_are_distinguished_by_group(tmp_path: Path) -> None:
    """The first VM keeps the short name until it is gone."""
    hosts = Hosts(tmp_path)
    one, two = (WayIn("exp1", group, f"exp1-{group}", group, "203.0.113.1", 22, "mlos") for group in ("lab", "office"))
    assert [hosts.write(each).name for each in (one, two, one)] == ["exp1", "exp1.office", "exp1"]
    hosts.forget([one.stack])
    assert hosts.write(two).name == "exp1"
    assert [each.name for each in (tmp_path / "ssh" / "hosts").iterdir()] == ["exp1-office.conf"]


def test_a_state_directory_that_openssh_cannot_quote_is_refused(tmp_path: Path) -> None:
    """A line break in the path would add an option."""
    way = WayIn("exp1", "lab", "exp1-lab", "id", "203.0.113.1", 22, "mlos")
    with pytest.raises(StoreError, match="OpenSSH's configuration cannot contain"):
        Hosts(tmp_path / "a\nProxyCommand true").write(way)


def test_ssh_config_lists_the_recorded_vms(lab: Inside) -> None:
    """VMs that are gone, or that have no guest, are left out."""
    store = Store(lab.state_dir)
    for name in ("vm", "gone"):
        known = replace(record(lab.ops.settings, spec_of(vmName=name), Verb.PROVISION), state=State.SUCCEEDED)
        assert store.insert(known)
    shown = lab("ssh-config", "--install")
    block = (lab.state_dir / "ssh" / "hosts" / f"{SPEC.stack}.conf").read_text()
    assert (shown.returncode, shown.stdout.decode()) == (0, block), shown.stderr
    assert (lab.state_dir.parent / ".ssh" / "config").read_text().startswith('Include "')
    assert lab.json("ssh-config", "vm", *WHICH) == [
        {
            "host": "vm",
            "hostName": "127.0.0.1",
            "port": lab.server.port,
            "user": USER,
            "identityFile": str(keys.ssh_key_file(lab.state_dir, SPEC.stack)),
            "hostKeyAlias": f"vmops-{lab.vm_id}",
            "knownHostsFile": str(lab.state_dir / "ssh" / "hosts" / f"{SPEC.stack}.known_hosts"),
        }
    ]
    with lab.saying(None):
        assert lab.ops.ssh_hosts() == []


def test_run_on_vm_sends_a_directory_and_fetches_results(
    lab: Inside, machine: Machine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command runs in the sent directory. Results are fetched whatever its exit code."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "run.sh").write_text('echo "$PWD: $1"; mkdir results; echo 42 >results/score; exit 3\n')
    work = OnVm(tmp_path / "bench", [f"results:{tmp_path / 'out'}", f"none:{tmp_path}"])
    assert work.run(["sh", "run.sh", "two words"], machine, at_end=lambda: None) == 3
    told = capfd.readouterr()
    assert told.out.endswith("/run: two words\n")
    assert (tmp_path / "out" / "score").read_text() == "42\n"
    assert "No such file" in told.err
    assert OnVm(None, ["none"]).run(["true"], machine, at_end=lambda: None) == 125
    assert OnVm(None, []).run(["test", "!", "-e", "results"], machine, at_end=lambda: None) == 0
