"""The commands of the page on Azure's own clients, as ``make clients`` runs them."""

import ast
import re
import subprocess

import pytest
import yaml

from tests.clients.guide import PAGE, SECTIONS, guide

LANGUAGES = {"sh": "sh", "mjs": "js", "go": "go", "yml": "yaml", "py": "python", "json": "json", "jsonc": "json"}
"""What a block is marked as, by the ending of its file."""


@pytest.mark.parametrize("client", SECTIONS)
def test_each_client_section_has_install_and_run_blocks(client: str) -> None:
    """Each file in a section is used by its commands."""
    told = guide(client)
    assert told.install
    assert told.run
    words = {word for command in (*told.run, *told.install) for word in command.split()}
    assert told.files.keys() - words <= {"main.go"}  # `go run .` names no file


@pytest.mark.parametrize(
    ("client", "name"), [(client, name) for client in SECTIONS for name in guide(client).files], ids=lambda each: each
)
def test_each_file_block_matches_its_language(client: str, name: str) -> None:
    """Where a parser is available, it reads the block."""
    ending, content = name.rpartition(".")[2], guide(client).files[name]
    assert f"`{name}`:\n\n```{LANGUAGES[ending]}\n{content}```\n" in PAGE.read_text()
    match ending:
        case "sh":
            subprocess.run(["bash", "-n"], input=content.encode(), check=True)
        case "yml":
            assert yaml.safe_load(content)
        case "py":
            ast.parse(content)


def test_the_table_lists_exactly_the_sections() -> None:
    """Python's clients are run by the ordinary tests."""
    page = PAGE.read_text()
    table = re.findall(r"^\| \[(.*)\]\(#", page, re.MULTILINE)
    run = [title for title in re.findall(r"^## (.*)$", page, re.MULTILINE) if title in SECTIONS.values()]
    assert table == ["Python", *run]
    assert sorted(run) == sorted(SECTIONS.values())
