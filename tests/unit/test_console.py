"""What the CLI reads from a shell, and how it shows results to people."""

import io
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.color import ColorSystem
from rich.markup import escape
from rich.text import Text

from vmops.cli import console, reports
from vmops.cli.progress import Lines, Watch, follow
from vmops.core.errors import SpecError
from vmops.core.log_reader import LogReader
from vmops.ops.suggest import follow_up_command, shell_command
from vmops.protocol import Status
from vmops.spec.parameters import read_params

HANDLE = "https://management.azure.com/subscriptions/s/operations/o?api-version=1&t=2"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (91, "1 min 31 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    """2 h 5 min is easier to read than 7500 seconds."""
    assert console.duration(seconds) == text


def test_a_time_shows_its_zone_and_its_age() -> None:
    """A time without a zone is a guess, and one without a distance is arithmetic."""
    now = time.time()
    assert console.moment(0).startswith("1970-01-01 00:00:00 UTC (")
    assert console.moment(now - 3600 - 60.5).endswith(" UTC (1 h 1 min ago)")
    assert console.moment(now + 7200 + 30).endswith(" UTC (in 2 h)")


def test_a_piped_table_is_aligned_and_not_truncated(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe has no width."""
    long = "/subscriptions/" + "x" * 300
    console.columns(("NAME", "ID"), [("a", long), ("longer", "[b]")])
    assert capsys.readouterr().out == f"NAME    ID\na       {long}\nlonger  [b]\n"


def test_a_table_is_truncated_to_the_terminals_width() -> None:
    """The widest column is truncated; a path keeps its end."""
    rows = [("exp1", "a failure that takes many words", "/subscriptions/s/resourceGroups/g")]
    assert console.aligned(("NAME", "WHY", "ID"), rows, 44) == [
        "NAME  WHY                 ID",
        "exp1  a failure that ta…  …/resourceGroups/g",
    ]


def test_fields_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Zero is a value."""
    console.fields({"name": "exp1", "fqdn": None, "ssh": "", "disks": [], "left": ["/a", "/b"], "count": 0})
    assert capsys.readouterr().out == "  name   exp1\n  left   /a, /b\n  count  0\n"


def test_an_error_is_one_line_with_markup_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A long message of the cloud is shortened."""
    console.complain("[red]not[/] logged in:\n\tCredential: none\n")
    assert capsys.readouterr().err == "error: [red]not[/] logged in: Credential: none\n"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"event": "failed", "vm": "exp1", "reason": "quota: no cores"}, "error: exp1: quota: no cores\n"),
        ({"event": "failed", "vm": "", "reason": "quota: no cores"}, "error: quota: no cores\n"),
        (
            {"event": "unknown_parameters", "given": ["vmsize", "x"], "meant": {"vmsize": "vmSize"}},
            "warning: ignored, because there are no such parameters: vmsize (did you mean vmSize?), x\n",
        ),
        ({"event": "group_stays", "group": "lab"}, "warning: event group_stays, group lab\n"),
    ],
)
def test_library_logs_go_to_stderr(capsys: pytest.CaptureFixture[str], event: dict[str, Any], said: str) -> None:
    """A script reads JSON from stdout."""
    console.Sentences().handle(logging.makeLogRecord({"levelno": logging.WARNING, "vmops": event}))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


def test_an_error_is_printed_after_its_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line is the error."""
    failed = {"levelno": logging.WARNING, "vmops": {"event": "failed", "vm": "exp1", "reason": "quota: no cores"}}
    with console.logs_deferred(lambda: console.note("✗ VirtualMachine exp1")):
        console.Sentences().handle(logging.makeLogRecord(failed))
    assert capsys.readouterr().err == "✗ VirtualMachine exp1\nerror: exp1: quota: no cores\n"


@pytest.mark.parametrize(("level", "said"), [("error", "error: left\n"), ("warning", "warning: left\n"), ("info", "")])
def test_standard_logging_records_are_shown(capsys: pytest.CaptureFixture[str], level: str, said: str) -> None:
    """A failed teardown is visible, however it was logged."""
    console.Sentences().handle(logging.makeLogRecord({"levelno": getattr(logging, level.upper()), "msg": "left"}))
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"vmName": "exp1", "vmPorts": [22, 80]}'),
        ("p.yaml", "vmName: exp1\nvmPorts: [22, 80]"),
        ("p", "{vmName: exp1, vmPorts: [22, 80]}"),
        ("p.jsonc", '{// the VM\n"vmName": "exp1", /* and\nwho */ "vmPorts": [22, 80,],}'),
        ("p.json", '{"parameters": {"vmName": {"value": "exp1"}, "vmPorts": {"value": [22, 80]}}}'),
        ("p.yaml", "contentVersion: 1.0.0.0\nparameters: {vmName: {value: exp1}, vmPorts: {value: [22, 80]}}"),
    ],
)
def test_params_files_are_json_or_yaml(tmp_path: Path, name: str, text: str) -> None:
    """JSON may have comments; parameter files of templates are read, too."""
    (tmp_path / name).write_text(text)
    assert read_params(None, tmp_path / name, []) == {"vmName": "exp1", "vmPorts": [22, 80]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["p.json", "p.yaml"])
def test_params_files_may_have_windows_encodings(tmp_path: Path, name: str, encoding: str) -> None:
    """With a byte order mark, as UTF-16, and with CR LF."""
    (tmp_path / name).write_bytes('{"vmName": "exp1",\r\n "tags": {"what": "Größe"}}\r\n'.encode(encoding))
    assert read_params(None, tmp_path / name, []) == {"vmName": "exp1", "tags": {"what": "Größe"}}


def test_the_name_overrides_pairs_and_pairs_override_the_file(tmp_path: Path) -> None:
    """A file is a template, and the command line overrides it for one call."""
    file = tmp_path / "p.yaml"
    file.write_text("vmName: file\nvmSize: Standard_B1s\nlocation: eastus")
    read = read_params("name", file, ["vmName=pair", "vmSize=Standard_B2s", "tags=a=b"])
    assert read == {"vmName": "name", "vmSize": "Standard_B2s", "location": "eastus", "tags": "a=b"}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("p.json", b'{"vmName": 1', "is not JSON from line 1 on"),
        ("p.json", b'{/*\n*/"vmName": hunter2}', "is not JSON from line 2 on"),
        ("p.json", b'{"vmName": NaN}', "is not JSON: NaN is no JSON"),
        ("p.json", b'{"parameters": {"a": {"reference": {}}}}', "gives no value for a (no key vault is asked)"),
        ("p.json", b'{\n"vmName": hunter2\n}', "is not JSON from line 2 on"),
        ("p.yaml", b"vmName: exp1\n\tvmSize: hunter2", "is not YAML from line 2 on"),
        ("p.yaml", b"- vmName: exp1", "must hold one mapping of parameters' names to values"),
        ("p.yaml", b"1: exp1", "must hold one mapping of parameters' names to values"),
        ("p.yaml", b"", "must hold one mapping of parameters' names to values"),
        ("p.yaml", b"vmName: \xff", "is not UTF-8 text"),
        ("p.yaml", b"\xff\xfev", "is not UTF-8 text"),
        ("p.yaml", b"vmName: \x07", "is not YAML"),
    ],
)
def test_a_malformed_params_file_is_refused_without_its_content(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    """The message names the file and the line; the content may be a password."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(SpecError) as refused:
        read_params(None, file, [])
    assert str(refused.value) == f"--params: {file} {sentence}"


@pytest.mark.parametrize(("name", "why"), [("none", "No such file or directory"), ("", "Is a directory")])
def test_an_unreadable_params_file_is_refused_with_the_reason(tmp_path: Path, name: str, why: str) -> None:
    """The reason is the system's."""
    with pytest.raises(SpecError, match=f"^--params: {tmp_path / name} cannot be read: {why}$"):
        read_params(None, tmp_path / name, [])


@pytest.mark.parametrize("pair", ["vmName", "=exp1", ""])
def test_a_pair_without_a_name_or_a_value_is_refused(pair: str) -> None:
    """``-p vmName exp1`` is a common mistake."""
    with pytest.raises(SpecError, match=r"^-p: '\w*' is not of the form NAME=VALUE$"):
        read_params(None, None, [pair])


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("region=eastus", "region: no such parameter; did you mean location?"),
        ("spot=true", "spot: no such parameter; did you mean priority=Spot?"),
        ("size=Standard_D2s_v5", "size: no such parameter; did you mean vmSize?"),
        ("stateDir=x", "stateDir: a setting, not a parameter: VMOPS_STATE_DIR"),
        ("trial_id=3", "trial_id: no such parameter"),
    ],
)
def test_an_unknown_name_in_a_pair_is_refused(pair: str, sentence: str) -> None:
    """Otherwise a VM with defaults would be made."""
    with pytest.raises(SpecError) as refused:
        read_params("exp1", None, [pair, "vmSize=Standard_B2s"])
    assert refused.value.problems == (sentence,)


def test_a_suggested_command_identifies_the_same_vm() -> None:
    """It contains group and cloud if needed, and no secret."""
    params = {"vmName": "exp1", "resourceGroup": "my lab", "cloud": "public", "adminPasswordOrKey": "hunter2"}
    assert shell_command("deprovision", params, "--wait") == (
        "vmops deprovision exp1 -p cloud=public -p 'resourceGroup=my lab' --wait"
    )


@pytest.mark.parametrize(
    ("verb", "params", "written"),
    [
        ("provision", {"vmName": "exp1"}, "vmops wait exp1"),
        ("deprovision", {"vmName": "exp1"}, "vmops wait exp1 --gone"),
        ("stop", {"vmName": "exp1", "asyncResultsUrl": HANDLE}, f"vmops wait exp1 -p 'asyncResultsUrl={HANDLE}'"),
        ("provision", {"asyncResultsUrl": "vmops:operation/1"}, "vmops wait -p asyncResultsUrl=vmops:operation/1"),
    ],
)
def test_a_suggested_follow_up_waits_for_the_operation(verb: str, params: dict[str, str], written: str) -> None:
    """A deployment is followed by the VM's name, anything else by its handle."""
    assert follow_up_command(verb, params) == written


def event(kind: str, resource: str, operation: str = "create", **more: object) -> str:
    told = {"event": kind, "resource": resource, "operation": operation, "timestamp": "2030-01-31T03:00:00.000000Z"}
    return json.dumps({**told, **more}) + "\n"


def test_log_reader_continues_and_skips_incomplete_lines(tmp_path: Path) -> None:
    """The worker writes while the log is read."""
    log = tmp_path / "log"
    watch = Watch("provision of exp1", time.time(), LogReader(log))
    assert watch.news() == []
    begun, done = event("resource_begun", "Subnet s"), event("resource_done", "Subnet s", seconds=1.5)
    log.write_text(begun + done[:20])
    assert watch.news() == []
    assert [step.resource for step in watch.in_flight] == ["Subnet s"]
    log.write_text(begun + done)
    assert [(step.resource, step.seconds, step.failed) for step in watch.news()] == [("Subnet s", 1.5, False)]
    assert (watch.in_flight, watch.news()) == ((), [])


def test_progress_ignores_events_without_a_resource(tmp_path: Path) -> None:
    """For example those of the engine's own provider."""
    log = tmp_path / "log"
    log.write_text(event("resource_begun", "azure-native azure") + json.dumps({"event": "ended"}) + "\n")
    watch = Watch("provision of exp1", time.time(), LogReader(log))
    assert (watch.news(), watch.in_flight) == ([], ())


def test_without_a_terminal_progress_is_lines_with_reminders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CI log shows what takes long."""
    log = tmp_path / "log"
    lines = Lines(Watch("provision of exp1", time.time(), LogReader(log)), repeat_after=0)
    log.write_text(
        event("resource_begun", "VirtualMachine exp1")
        + event("resource_failed", "Subnet s", seconds=0.1)
        + event("resource_done", "NetworkInterface n", seconds=2.0)
    )
    lines.show()
    assert capsys.readouterr().err == "  ✗ Subnet s create 0.1 s\n  ✓ NetworkInterface n create 2.0 s\n"
    lines.show()
    said = capsys.readouterr().err
    assert said.startswith("  … VirtualMachine exp1 create, ")
    assert said.endswith(" so far\n")


def planned(operation: str, resource: str) -> dict[str, object]:
    """Give a change in the form of a plan."""
    return {"operation": operation, "resource": resource, "replaces": False, "loses": [], "properties": []}


def test_a_plan_shows_kept_parts_and_counts_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """Foreign parts are not changes."""
    steps = (("update", "NetworkSecurityGroup exp1-nsg"), ("keep", "rule hole allows * from *"))
    reports.planned([planned(how, what) for how, what in steps], None, as_json=False)
    told = capsys.readouterr()
    assert told.out == "update   NetworkSecurityGroup exp1-nsg\nkeep     rule hole allows * from *\n"
    assert told.err == "1 change to be made; nothing was changed\n"


def test_waiting_for_a_finished_operation_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing flashes up for an answer that is there already."""
    assert follow(lambda _: (Status.SUCCEEDED, {}), None, 300) == (Status.SUCCEEDED, {})
    assert capsys.readouterr().err == ""


def test_waiting_without_a_log_is_one_wait() -> None:
    """Progress on a screen must not add polls of a power operation."""
    asked: list[float] = []

    def look(seconds: float) -> tuple[Status, dict[str, Any]]:
        asked.append(seconds)
        return Status.TIMED_OUT, {}

    assert follow(look, Watch("stop of exp1", time.time()), 300) == (Status.TIMED_OUT, {})
    assert asked == [300]


@pytest.mark.parametrize(("timeout", "status"), [(0, Status.PENDING), (0.01, Status.TIMED_OUT)])
def test_a_watched_wait_has_the_contracts_statuses(tmp_path: Path, timeout: float, status: Status) -> None:
    """One poll is PENDING, more without a result are TIMED_OUT."""
    watch = Watch("provision of exp1", time.time(), LogReader(tmp_path / "log"))
    assert follow(lambda _: (Status.PENDING, {}), watch, timeout) == (status, {})


FOREIGN = "a\x1b]0;owned\x07\x9b31m\r\u202eb \x7f[bold]\udc80"
SHOWN = r"a\x1b]0;owned\x07\x9b31m\x0d\u202eb \x7f[bold]\udc80"


@pytest.mark.parametrize(
    "say",
    [
        console.warn,
        console.note,
        lambda said: console.fields({"tag": said}),
        lambda said: console.columns(("NAME", "TAG"), [("a", said)]),
        lambda said: console.out.print(escape(said)),
        lambda said: console.out.print(f"[bold]{escape(said)}[/]"),
        lambda said: console.out.print(said, markup=False),
        lambda said: reports.planned([planned("create", said)], None, as_json=False),
        lambda said: reports.deletions([{"id": said}], as_json=False),
    ],
)
def test_control_characters_in_tables_are_escaped(
    say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise everyone who can tag a resource could control the reader's terminal."""
    say(FOREIGN)
    told = capsys.readouterr()
    assert SHOWN in told.out + told.err
    assert not set(told.out + told.err) & set("\x1b\x07\x9b\r\u202e\x7f\udc80")


def test_control_characters_in_errors_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Azure's message may contain text of a policy's author."""
    console.complain("denied: \x1b[2Jall is well")
    assert capsys.readouterr().err == "error: denied: \\x1b[2Jall is well\n"


def test_richs_own_escape_sequences_pass(tmp_path: Path) -> None:
    """Colours and progress stay; other objects than strings are shown, too."""
    stream = console.Shown()
    stream.file, stream._force_terminal, stream._color_system = io.StringIO(), True, ColorSystem.STANDARD
    stream.print("[red]no[/]", Text("\x1b[2J"))
    stream.show_cursor(False)
    assert stream.file.getvalue() == "\x1b[31mno\x1b[0m \\x1b[2J\n\x1b[?25l"


def test_names_are_not_replaced_by_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    """Text between two colons is shown unchanged."""
    console.warn("no such resource: a:warning:b")
    assert capsys.readouterr().err == "warning: no such resource: a:warning:b\n"


def test_control_characters_in_prompts_are_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prompt may name a lock's holder, as an engine has written it."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    console.confirm("held by a\x1b[1Ab")
    assert capsys.readouterr().err.startswith("held by a\\x1b[1Ab")
