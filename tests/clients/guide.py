"""The commands and files of the docs on Azure's own clients, client by client."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/real-clients.md"

SECTIONS = {
    "az": "Azure CLI",
    "js": "JavaScript",
    "go": "Go",
    "ansible": "Ansible",
    "mlos": "mlos_bench",
    "skypilot": "SkyPilot",
}
"""Each client by its name, and its section."""

_RUN = "vmops local env -- "


@dataclass(frozen=True)
class Guide:
    """A section: the commands that install a client, those that run it behind the proxy, and the files for both."""

    install: list[str]
    run: list[str]
    files: dict[str, str]


def guide(client: str) -> Guide:
    """Read the section of a client; a block is a file if the line before it ends with its name and a colon."""
    text = _section(SECTIONS[client])
    typed = commands("".join(consoles(text)))
    files = re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return Guide(
        [line for line in typed if not line.startswith(_RUN)],
        [line for line in typed if line.startswith(_RUN)],
        dict(files),
    )


def consoles(text: str) -> list[str]:
    """Give the console blocks of a text."""
    return re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """Give the commands of a console block."""
    return re.findall(r"^\$ (.*)$", block, re.MULTILINE)


def _section(title: str) -> str:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    return next(each for each in sections if each.startswith(f"{title}\n"))
