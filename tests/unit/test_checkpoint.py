"""Files that the engine could not read are repaired before it starts; readable files stay unchanged."""

import hashlib
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vmops.engine.backend.checkpoint import is_export_usable, is_usable
from vmops.engine.backend.files import Repair, ensure_meta, ensure_tags_file, repair
from vmops.engine.backend.notes import EngineNotes, notes_directory
from vmops.engine.reconcile.complete import merge_inputs
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store

STATE = json.dumps({"version": 3, "checkpoint": {"stack": "s", "latest": {}}})
SALT = "encryptionsalt: v1:MF3wMvO0Jp0=:v1:1CUHdZqKqET3CQ+7:6lLmapVDVG9u69wUlXEKsSmEa9JFSQ==\n"
MAGIC = hashlib.sha256(b"v3.274.1").hexdigest()
TAGS = "stacks/vmops/s.pulumi-tags"
UNREADABLE = ["", STATE[:20], "\x00\x00", "[]", "{}", '{"version": 3, "checkpoint": {"latest": {"resources": "x"}}}']


class Backend:
    """A file backend with one stack, and the stack's settings."""

    def __init__(self, place: Path) -> None:
        self.root = place / "backend" / ".pulumi"
        self.state = self.file("stacks/vmops/s.json", STATE)
        self.settings = place / "Pulumi.s.yaml"
        self.settings.write_text(SALT)
        self.url = f"file://{place / 'backend'}"
        self.notes = EngineNotes(notes_directory(self.url, place), "s", StackRecords(Store(place), "s"))

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def aside(self) -> list[Path]:
        """List the files that were moved aside, the oldest first."""
        return sorted(self.notes.directory.parent.glob("aside/*"), key=lambda path: path.suffix)

    def mend(self, *, write: bool = True) -> Repair:
        return repair(self.url, "vmops", self.settings, self.notes, write=write)


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    return Backend(tmp_path)


def test_repair_leaves_readable_files_alone(backend: Backend) -> None:
    """Nothing is written."""
    assert backend.mend() is Repair.NOTHING
    assert (backend.state.read_text(), backend.settings.read_text()) == (STATE, SALT)


@pytest.mark.parametrize("text", UNREADABLE)
def test_repair_restores_the_newest_readable_copy(backend: Backend, text: str) -> None:
    """That of the last step, else the newest readable one of earlier updates."""
    backend.state.write_text(text)
    backend.file("stacks/vmops/s.json.bak", text)
    backend.file("history/vmops/s/s-2.checkpoint.json", text)
    backend.file("history/vmops/s/s-1.checkpoint.json", STATE)
    assert backend.mend(write=False) is Repair.RESTORED
    assert backend.state.read_text() == text
    assert backend.mend() is Repair.RESTORED
    assert backend.state.read_text() == STATE


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_state_without_a_copy_is_lost(backend: Backend, text: str) -> None:
    """The stack is created again, and adopts what exists."""
    backend.state.write_text(text)
    assert backend.mend() is Repair.LOST
    assert not backend.state.exists()
    assert [path.read_text() for path in backend.aside()] == [text]


def test_repair_without_write_changes_nothing(backend: Backend) -> None:
    """It only reports what would be repaired."""
    backend.file("stacks/vmops/s.json.bak", STATE)
    backend.state.write_text("")
    for name in ("stacks/vmops/s.json.attrs", TAGS, "locks/organization/vmops/s/half.json"):
        backend.file(name, "")
    before = {path: path.read_text() for path in backend.root.rglob("*") if path.is_file()}
    assert backend.mend(write=False) is Repair.RESTORED
    assert {path: path.read_text() for path in backend.root.rglob("*") if path.is_file()} == before


def test_a_removed_stack_is_not_restored(backend: Backend) -> None:
    """Its copy stays, but without settings no state is expected."""
    backend.file("stacks/vmops/s.json.bak", STATE)
    backend.state.unlink()
    backend.settings.unlink()
    assert backend.mend() is Repair.NOTHING
    assert not backend.state.exists()


def test_a_missing_state_is_restored_if_settings_exist(backend: Backend) -> None:
    """The settings show that there should be one."""
    backend.file("stacks/vmops/s.json.bak", STATE)
    backend.state.unlink()
    assert backend.mend() is Repair.RESTORED
    assert backend.state.read_text() == STATE


@pytest.mark.parametrize("text", ["", "%%%: [", SALT[:30], "encryptionsalt: v1:xx\n"])
def test_unreadable_settings_are_moved_aside(backend: Backend, text: str) -> None:
    """The engine writes them again from the state."""
    backend.settings.write_text(text)
    backend.mend()
    assert not backend.settings.exists()


def test_only_locks_of_dead_engines_are_removed(backend: Backend) -> None:
    """Incomplete locks and those of dead engines of ours go.

    Locks of living engines and of unknown ones stay, whatever their host name.
    """
    now = datetime.now(UTC).isoformat()
    here, dead = socket.gethostname(), 2**22 + 1
    locks = {
        "half": "half a lo",
        "empty": "",
        "dead": json.dumps({"pid": dead, "username": "me", "hostname": here, "timestamp": now}),
        "living": json.dumps({"pid": os.getpid(), "username": "me", "hostname": here, "timestamp": now}),
        "elsewhere": json.dumps({"pid": dead, "username": "me", "hostname": "another", "timestamp": now}),
        "by hand": json.dumps({"pid": dead + 1, "username": "me", "hostname": here, "timestamp": now}),
    }
    notes = [backend.notes.write(pid) for pid in (dead, os.getpid())]
    paths = {name: backend.file(f"locks/organization/vmops/s/{name}.json", text) for name, text in locks.items()}
    assert backend.mend() is Repair.NOTHING
    assert {name for name, path in paths.items() if path.exists()} == {"living", "elsewhere", "by hand"}
    assert [note.exists() for note in notes] == [False, True]


@pytest.mark.parametrize("name", ["stacks/vmops/s.json", "stacks/vmops/s.json.bak", "history/vmops/s/s-1.history.json"])
def test_incomplete_attribute_files_are_moved_aside(backend: Backend, name: str) -> None:
    """A killed engine leaves them empty, and then refuses to read the file that they describe."""
    half, whole = backend.file(f"{name}.attrs", ""), backend.file("stacks/vmops/another.json.attrs", "")
    assert backend.mend() is Repair.NOTHING
    assert (half.exists(), whole.exists(), backend.state.read_text()) == (False, True, STATE)
    half.write_text('{"user.content_type": "application/json"}')
    backend.mend()
    assert half.exists()


def test_a_restored_state_loses_its_attributes_and_is_logged(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    """They describe the replaced file. The log names the copy."""
    attributes = backend.file("stacks/vmops/s.json.attrs", "{}")
    backend.file("stacks/vmops/s.json.bak", STATE)
    backend.state.write_text("")
    assert backend.mend() is Repair.RESTORED
    assert not attributes.exists()
    assert caplog.messages[0] == "state_repaired stack='s' how='restored' copy='s.json.bak'"
    assert [path.stem for path in backend.aside()] == ["s.json", "s.json.attrs"]


@pytest.mark.parametrize("text", ["", '{"version":1,"ta', "[]"])
def test_incomplete_tags_are_moved_aside(backend: Backend, text: str) -> None:
    """The engine refuses to work on a stack with unreadable tags, but needs none."""
    tags, others = backend.file(TAGS, text), backend.file("stacks/vmops/another.pulumi-tags", text)
    assert backend.mend() is Repair.NOTHING
    assert (tags.exists(), others.exists(), backend.state.read_text()) == (False, True, STATE)


def test_ensure_tags_file_creates_a_missing_one(backend: Backend) -> None:
    """It is empty and readable; existing tags stay."""
    ensure_tags_file(backend.url, "vmops", "s")
    assert json.loads((backend.root / TAGS).read_text()) == {"version": 1, "tags": {}}
    assert backend.mend() is Repair.NOTHING
    tagged = backend.file(TAGS, '{"version": 1, "tags": {"team": "ours"}}')
    ensure_tags_file(backend.url, "vmops", "s")
    assert json.loads(tagged.read_text())["tags"] == {"team": "ours"}
    backend.mend()
    assert tagged.exists()


def test_ensure_tags_file_ignores_a_missing_stack(backend: Backend) -> None:
    """Nothing would delete the file."""
    backend.state.unlink()
    ensure_tags_file(backend.url, "vmops", "s")
    assert [path.name for path in (backend.root / "stacks" / "vmops").iterdir()] == []


def test_a_backend_without_files_is_not_repaired(tmp_path: Path) -> None:
    """The note of a dead engine stays, because its lock may be there."""
    notes = EngineNotes(tmp_path, "s", StackRecords(Store(tmp_path / "state"), "s"))
    note = notes.write(2**22 + 1)
    assert repair("azblob://states", "vmops", tmp_path / "Pulumi.s.yaml", notes) is Repair.NOTHING
    ensure_tags_file("azblob://states", "vmops", "s")
    assert {path.name for path in tmp_path.iterdir()} == {"state", note.name}


@pytest.mark.parametrize("text", ["", "version: ", "\x00", "[]"])
def test_an_unreadable_layout_file_is_replaced(backend: Backend, text: str) -> None:
    """Without it no engine works on any stack; the old file is kept."""
    meta = backend.file("meta.yaml", text)
    ensure_meta(backend.url, backend.notes.directory)
    assert meta.read_text() == "version: 1\n"
    assert [path.read_text() for path in backend.aside()] == [text]


@pytest.mark.parametrize("text", ["version: 1\n", "version: 2\n", None])
def test_a_readable_layout_file_stays(backend: Backend, text: str | None) -> None:
    """Also one of a newer engine; a missing one is left to the engine."""
    meta = backend.root / "meta.yaml"
    if text is not None:
        meta.write_text(text)
    ensure_meta(backend.url, backend.notes.directory)
    assert (meta.read_text() if meta.exists() else None) == text


def test_an_unfinished_lock_stays_while_an_engine_may_be_alive(backend: Backend) -> None:
    """It becomes a lock within a moment; that of a dead engine would stop every other engine."""
    draft = backend.file("locks/organization/vmops/s/0.json.1f.tmp", "")
    note = backend.notes.write(os.getpid())
    backend.mend()
    assert draft.exists()
    note.unlink()
    backend.mend()
    assert not draft.exists()
    assert [path.stem for path in backend.aside()] == [draft.name]


def test_a_directory_among_the_notes_is_ignored(backend: Backend) -> None:
    """No engine of ours has made it."""
    (backend.notes.directory / "s@x.json").mkdir(parents=True)
    assert backend.mend() is Repair.NOTHING


ROOT, URN, CHILD = (
    "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s",
    "urn:pulumi:s::p::t:m:T::one",
    "urn:pulumi:s::p::t:m:T::two",
)
CLOUD = "urn:pulumi:s::p::pulumi:providers:t::t"
PROVIDER = {"urn": CLOUD, "type": "pulumi:providers:t", "custom": True, "id": "7"}
ONE = {"urn": URN, "type": "t:m:T", "custom": True, "id": "/one", "parent": ROOT, "provider": f"{CLOUD}::7"}
TWO = {**ONE, "urn": CHILD, "id": "/two", "dependencies": [URN], "propertyDependencies": {"a": [URN], "b": None}}
STACK = {"urn": ROOT, "type": "pulumi:pulumi:Stack", "custom": False}
NEEDED = [STACK, PROVIDER, ONE]


def file_of(*entries: Any, **more: Any) -> bytes:
    return json.dumps({"version": 3, "checkpoint": {"latest": {"resources": entries, **more}}}).encode()


@pytest.mark.parametrize(
    "text",
    [
        file_of(*NEEDED, TWO),
        file_of(*NEEDED, {**ONE, "delete": True}, {**TWO, "pendingReplacement": True, "provider": "gone::1"}),
        file_of(*NEEDED, pending_operations=[{"type": "creating", "resource": TWO}]),
        file_of(*NEEDED, manifest={"time": "2026-11-27T02:09:54.150690187Z", "magic": MAGIC, "version": "v3.274.1"}),
        json.dumps({"version": 3, "checkpoint": {"stack": "organization/p/s"}}).encode(),
        json.dumps({"version": 4, "features": ["views"], "checkpoint": {"latest": None}}).encode(),
        json.dumps({"version": 5, "checkpoint": {"latest": "of a newer engine"}}).encode(),
        json.dumps({"version": 4, "features": ["unheardOf"], "checkpoint": {"latest": {"resources": 7}}}).encode(),
    ],
)
def test_a_readable_state_is_usable(text: bytes) -> None:
    """Also one that only a newer engine can read: it is not lost."""
    assert is_usable(text)


WRONG: list[dict[str, Any]] = [
    {"urn": ""},
    {"urn": "two"},
    {"type": ""},
    {"type": 7},
    {"id": 7},
    {"custom": False},
    {"parent": f"{ROOT}x"},
    {"deletedWith": f"{URN}x"},
    {"dependencies": [f"{URN}x"]},
    {"dependencies": URN},
    {"propertyDependencies": {"a": [CHILD]}},
    {"inputs": []},
    {"outputs": "none"},
    {"created": "yesterday"},
]


@pytest.mark.parametrize(
    "text",
    [
        file_of(PROVIDER, ONE, STACK),
        file_of(STACK, ONE, PROVIDER),
        file_of(*NEEDED, ONE),
        file_of(STACK, {**ONE, "provider": f"{CLOUD}::8"}),
        *(file_of(*NEEDED, {**TWO, **change}) for change in WRONG),
        file_of("one"),
        file_of(*NEEDED, pending_operations=[{"type": "creating"}]),
        file_of(*NEEDED, pending_operations={}),
        file_of(*NEEDED, manifest={"magic": "0", "version": "v3.274.1"}),
        file_of(*NEEDED, secrets_providers="mine"),
        json.dumps({"version": "3", "checkpoint": {}}).encode(),
        json.dumps({"version": True, "checkpoint": {}}).encode(),
        json.dumps({"version": -1, "checkpoint": {}}).encode(),
        json.dumps({"version": 3, "checkpoint": []}).encode(),
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
def test_an_inconsistent_state_is_not_usable(text: bytes) -> None:
    """Valid JSON alone is not a state."""
    assert not is_usable(text)
    assert not is_export_usable(json.dumps({"deployment": 7}))


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


@pytest.mark.parametrize(
    ("declared", "told", "inputs"),
    [
        ({"size": "B2s"}, {"size": "B4ms"}, {"size": "B4ms"}),
        ({"password": SECRET}, {}, {"password": SECRET}),
        ({"sku": {"name": "S"}}, {"sku": {"name": "S", "tier": "R"}, "version": 4}, {"sku": {"name": "S"}}),
        ({"rules": [{"port": 22}]}, {"rules": [{"port": 22, "id": "x"}]}, {"rules": [{"port": 22}]}),
        ({"disks": [1, 2]}, {"disks": [1]}, {"disks": [1]}),
        ({"rules": [{"port": 22}]}, {}, {"rules": []}),
        ({"zones": ["1"]}, {}, {"zones": ["1"]}),
        ({"tags": {"team": "a", "of": "b"}}, {"tags": {"of": "c", "theirs": "d"}}, {"tags": {"of": "c"}}),
        ({"tags": {"team": "a"}}, {}, {"tags": {}}),
        ({"id": "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "a": 1}, {"a": 1}, {"a": 1}),
        ({"id": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}, {"id": "/x"}, {"id": "/x"}),
    ],
)
def test_merge_inputs_completes_inputs(declared: object, told: object, inputs: object) -> None:
    """ARM's value takes precedence, the program adds missing properties, and other properties are left out."""
    assert merge_inputs(declared, told) == inputs


def test_merge_inputs_keeps_references_to_unwanted_resources() -> None:
    """Only a known reference is removed by the next update; otherwise the address could not be deleted."""
    told = {"configurations": [{"name": "a", "address": {"id": "/A/ip"}, "other": {"id": "/a/other"}}], "tag": "x"}
    kept = {"configurations": [{"name": "a", "address": {"id": "/A/ip"}}]}
    assert merge_inputs({"configurations": [{"name": "a"}]}, told, frozenset({"/a/ip"})) == kept
