"""The page on Azure's own clients can be run: ``make clients`` installs what it says and types what stands there."""

import ast
import re
import subprocess

import pytest
import yaml

from tests.clients.guide import PAGE, SECTIONS, guide

LANGUAGES = {"sh": "sh", "mjs": "js", "go": "go", "yml": "yaml", "py": "python", "json": "json", "jsonc": "json"}
"""What a block is marked as, by the ending of its file."""


@pytest.mark.parametrize("client", SECTIONS)
def test_a_client_has_all_that_it_is_run_with(client: str) -> None:
    """There is something to install and to run, and each file that stands there is used."""
    told = guide(client)
    assert told.install
    assert told.run
    words = {word for command in (*told.run, *told.install) for word in command.split()}
    assert told.files.keys() - words <= {"main.go"}  # `go run .` names no file


@pytest.mark.parametrize(
    ("client", "name"), [(client, name) for client in SECTIONS for name in guide(client).files], ids=lambda each: each
)
def test_a_file_is_what_its_name_says(client: str, name: str) -> None:
    """Its block is marked so, and where a parser is at hand, it reads it."""
    ending, content = name.rpartition(".")[2], guide(client).files[name]
    assert f"`{name}`:\n\n```{LANGUAGES[ending]}\n{content}```\n" in PAGE.read_text()
    match ending:
        case "sh":
            subprocess.run(["bash", "-n"], input=content.encode(), check=True)
        case "yml":
            assert yaml.safe_load(content)
        case "py":
            ast.parse(content)


def test_every_client_is_in_the_table_and_none_else() -> None:
    """What is said to work has a section, and what has one is run: Python's by the ordinary tests."""
    page = PAGE.read_text()
    table = re.findall(r"^\| \[(.*)\]\(#", page, re.MULTILINE)
    run = [title for title in re.findall(r"^## (.*)$", page, re.MULTILINE) if title in SECTIONS.values()]
    assert table == ["Python", *run]
    assert sorted(run) == sorted(SECTIONS.values())
