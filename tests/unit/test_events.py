"""The engine's events: progress as log lines, and the cause of a failure."""

from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.automation import EngineEvent

from vmops.core.failures import Failure, FailureKind
from vmops.engine.events import ENGINE_LOST, EXISTS_ALREADY, EventLog, read_refusal
from vmops.spec.names import short_name

VM = "urn:pulumi:exp1-0a1b2c3d::vmops::azure-native:compute:VirtualMachine::exp1"
NIC = "urn:pulumi:exp1-0a1b2c3d::vmops::azure-native:network:NetworkInterface::exp1-nic"
STACK = "urn:pulumi:exp1-0a1b2c3d::vmops::pulumi:pulumi:Stack::vmops-exp1-0a1b2c3d"
IN_USE = 'Status=400 Code="NicInUse" Message="Network Interface exp1-nic is used by existing resource exp1."'


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.kept.append((event, values))

    error = info


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def events(lines: Lines) -> EventLog:
    return EventLog(lines)


def step(kind: str, urn: str = VM, op: str = "create") -> EngineEvent:
    return EngineEvent.from_json({kind: {"metadata": {"op": op, "urn": urn, "type": "", "provider": ""}}})


def error(message: str, urn: str | None = VM, severity: str = "error") -> EngineEvent:
    return EngineEvent.from_json({"diagnosticEvent": {"message": message, "severity": severity, "urn": urn}})


@pytest.mark.parametrize(
    ("text", "kind", "code", "message"),
    [
        (
            'Status=409 Code="SkuNotAvailable" Message="The requested VM size is currently not available."',
            "capacity",
            "SkuNotAvailable",
            "The requested VM size is currently not available.",
        ),
        (
            'error: Status=409 Code="PropertyChangeNotAllowed" Message="Changing property "zones" is not allowed."\n',
            "immutable",
            "PropertyChangeNotAllowed",
            'Changing property "zones" is not allowed.',
        ),
        (
            'Status=429 Code="OperationNotAllowed" Message="{\n  "code": "OperationNotAllowed"\n}"',
            "throttled",
            "OperationNotAllowed",
            '{\n  "code": "OperationNotAllowed"\n}',
        ),
        (
            'resource created but read failed GET: Status=403 Code="AuthorizationFailed" Message="No."',
            "auth",
            "AuthorizationFailed",
            "No.",
        ),
        ('Status=418 Code="NeverSeenBefore" Message="I am a teapot."', "invalid", "NeverSeenBefore", "I am a teapot."),
        ('Status=403 Message="Forbidden by the gateway."', "auth", "", "Forbidden by the gateway."),
        ("operation timed out", "timeout", "", "operation timed out"),
        (
            "cannot create already existing resource '/subscriptions/0/resourceGroups/g'\n",
            "conflict",
            EXISTS_ALREADY,
            "cannot create already existing resource '/subscriptions/0/resourceGroups/g'",
        ),
        (
            "\x1b[31m<{%reset%}>azure-native is not installed<{%reset%}>\x1b[0m\n",
            "engine",
            "",
            "azure-native is not installed",
        ),
    ],
)
def test_read_refusal_parses_the_providers_text(text: str, kind: str, code: str, message: str) -> None:
    """ARM's code and message are parts of one string. Source: pulumi-azure-native, the errors of its azcore client."""
    read = read_refusal(text, "VirtualMachine exp1")
    assert replace(read, step="") == Failure(FailureKind(kind), message, code, "VirtualMachine exp1")


@given(st.text(), st.text())
def test_read_refusal_accepts_any_text(text: str, resource: str) -> None:
    """An unknown text is a failure of the engine with that text."""
    assert read_refusal(text, resource).resource == resource


@pytest.mark.parametrize(
    ("urn", "name"),
    [
        (VM, "VirtualMachine exp1"),
        (STACK, ""),
        ("", ""),
        ("urn:pulumi:s::vmops::a:network:VirtualNetwork$a:network:Subnet::default", "Subnet default"),
    ],
)
def test_short_name_has_type_and_name(urn: str, name: str) -> None:
    """The stack itself has none."""
    assert short_name(urn) == name


@given(st.text() | st.lists(st.text()).map("::".join))
def test_short_name_accepts_any_urn(urn: str) -> None:
    """An exception on the engine's event thread would lose events."""
    assert isinstance(short_name(urn), str)


def test_arms_refusal_precedes_the_engines_messages(events: EventLog) -> None:
    """Generic words come with every failure; the first refusal of ARM is what the user needs."""
    events(error("update failed", STACK))
    events(error("dependency failed"))
    events(error(IN_USE, NIC))
    events(error('Status=409 Code="SkuNotAvailable" Message="Not here."'))
    assert events.cause("exit code 255") == Failure(
        FailureKind.CONFLICT,
        "Network Interface exp1-nic is used by existing resource exp1.",
        "NicInUse",
        "NetworkInterface exp1-nic",
    )


@pytest.mark.parametrize("generic", ["update failed", "destroy failed", "resource operation failed"])
def test_a_specific_message_precedes_generic_ones(events: EventLog, generic: str) -> None:
    """Which says that something failed, and nothing more."""
    events(error(generic, STACK))
    assert events.cause("") == Failure(FailureKind.ENGINE, generic)
    events(error("no resource plugin 'azure-native' found", urn=None))
    assert events.cause("") == Failure(FailureKind.ENGINE, "no resource plugin 'azure-native' found")


@pytest.mark.parametrize("prefix", ["", "an unhandled error occurred: "])
def test_a_lost_engine_is_the_last_of_all_causes(events: EventLog, prefix: str) -> None:
    """The program loses its engine after any other failure, too."""
    events(error(f"{prefix}Resource monitor has terminated, shutting down", STACK))
    assert (events.cause("").kind, events.cause("").code) == (FailureKind.INTERRUPTED, ENGINE_LOST)
    assert events.last_refusal is None
    events(error("update failed", STACK))
    events(error("dependency failed"))
    assert events.cause("") == Failure(FailureKind.ENGINE, "dependency failed", resource="VirtualMachine exp1")
    events(error(IN_USE, NIC))
    assert events.cause("").code == "NicInUse"


def test_without_any_refusal_the_fallback_is_the_cause(events: EventLog) -> None:
    """A killed engine reports nothing; warnings are no causes."""
    events(error("this property is deprecated", severity="warning"))
    events(EngineEvent.from_json({"summaryEvent": {}, "sequence": 1}))
    assert events.cause("the engine was killed") == Failure(FailureKind.ENGINE, "the engine was killed")


def test_a_new_engine_starts_without_causes(events: EventLog) -> None:
    """A failure that a retry overcame is not the reason of the next one."""
    events(error(IN_USE))
    events.forget()
    assert events.cause("later") == Failure(FailureKind.ENGINE, "later")


def test_each_resource_operation_logs_start_and_end(events: EventLog, lines: Lines) -> None:
    """With resource, operation and duration; unchanged resources have none."""
    for kind in ("resourcePreEvent", "resOutputsEvent"):
        events(step(kind, STACK, "same"))
        events(step(kind))
    told = {"resource": "VirtualMachine exp1", "operation": "create"}
    assert lines.kept[0] == ("resource_begun", told)
    [done] = lines.kept[1:]
    assert done[0] == "resource_done"
    assert done[1].pop("seconds") >= 0
    assert done[1] == told
    assert events.steps == [{"operation": "create", "resource": "VirtualMachine exp1"}]


def test_a_failed_operation_is_no_longer_in_flight(events: EventLog, lines: Lines) -> None:
    """Operations in flight are those that an interrupted engine would leave behind."""
    events(step("resourcePreEvent"))
    events(step("resourcePreEvent", NIC))
    assert events.in_flight == 2
    events(step("resOpFailedEvent"))
    assert (events.in_flight, lines.kept[-1][0]) == (1, "resource_failed")
    events(step("resOutputsEvent", NIC))
    assert events.in_flight == 0


def test_a_refusal_is_logged_with_its_kind(events: EventLog, lines: Lines) -> None:
    """A reader of the log sees it before the end."""
    events(error(IN_USE, NIC))
    [(event, values)] = lines.kept
    assert (event, values["resource"], values["kind"]) == ("resource_refused", "NetworkInterface exp1-nic", "conflict")


def test_refusals_from_several_threads_are_kept(events: EventLog, lines: Lines) -> None:
    """The engine's thread writes while the worker's reads."""

    def refuse() -> None:
        for _ in range(200):
            events(error(IN_USE))

    threads = [Thread(target=refuse) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        events.cause("")
        thread.join()
    assert (len(lines.kept), events.cause("").code) == (800, "NicInUse")


def test_idle_seconds_are_zero_during_an_operation(events: EventLog) -> None:
    """Otherwise they count from the last event."""
    before = events.idle_seconds
    assert before > 0
    events(step("resourcePreEvent"))
    events(step("resourcePreEvent", NIC))
    events(step("resOutputsEvent"))
    assert (events.in_flight, events.idle_seconds) == (1, 0.0)
    events(step("resOpFailedEvent", NIC))
    assert (events.in_flight, events.idle_seconds > 0) == (0, True)


def test_a_new_engine_starts_with_nothing_in_flight(events: EventLog) -> None:
    """The next engine's silence is its own."""
    events(step("resourcePreEvent"))
    events.forget()
    assert (events.in_flight, events.idle_seconds > 0) == (0, True)
