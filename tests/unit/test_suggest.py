"""Suggested commands: they identify the same VM, and contain no secret."""

import shlex
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.test_spec import PASSWORD, changes, spec_of
from vmops.core.errors import SpecError
from vmops.ops.suggest import provision_command
from vmops.spec.parameters import read_params
from vmops.spec.vm_spec import VmSpec

words = st.text(st.characters(codec="ascii", exclude_characters="<>%&\\?/"), min_size=1, max_size=9)


def advised(params: dict[str, Any]) -> tuple[str, VmSpec]:
    """Give the suggested command for a VM, and its spec."""
    spec = spec_of(**params)
    clear = spec.clear({"vmName": "exp1", **params})
    return provision_command({"vmName": "exp1", **params}, clear, spec.secrets), spec


def read(command: str, spec: VmSpec) -> VmSpec:
    """Parse a command like the shell and the CLI; secrets stay."""
    _, _, name, *options = (word for word in shlex.split(command) if word != "--same")
    return VmSpec.from_params(read_params(name, None, options[1::2]), kept=spec.secrets)


@given(changes)
def test_a_suggested_provision_gives_the_same_spec(params: dict[str, Any]) -> None:
    """It contains exactly the parameters off their defaults."""
    command, spec = advised({**params, "vmName": "exp1"})
    again = read(command, spec)
    assert PASSWORD not in command
    secret = {*spec.secrets, "kept"}
    clear = [{name: value for name, value in each.to_wire().items() if name not in secret} for each in (spec, again)]
    assert clear[0] == clear[1]
    assert ("--same" in command) == bool(spec.secrets)


@given(st.dictionaries(words, words, max_size=3))
def test_a_tag_with_a_comma_is_left_to_same(tags: dict[str, str]) -> None:
    """A comma in a tag would make two of it."""
    try:
        spec_of(tags=tags)
    except SpecError:
        assume(False)
    command, spec = advised({"tags": tags})
    assert "--same" in command or read(command, spec).tags == spec.tags


@pytest.mark.parametrize(
    ("params", "command"),
    [
        ({}, "vmops provision exp1"),
        ({"vmSize": "Standard_B2s", "deployTimeout": 7}, "vmops provision exp1"),
        ({"publicIp": False, "vmPorts": []}, "vmops provision exp1 -p publicIp=false -p vmPorts="),
        ({"dataDisks": [4, 8], "tags": {"a": "b c"}}, "vmops provision exp1 -p dataDisks=4,8 -p 'tags=a=b c'"),
        ({"tags": {"a": "b,c"}}, "vmops provision exp1 --same"),
        ({"customData": "#!"}, "vmops provision exp1 --same"),
    ],
)
def test_the_form_of_a_suggested_command(params: dict[str, Any], command: str) -> None:
    """As a person would."""
    assert advised(params)[0] == command
