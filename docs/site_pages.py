"""What the site has and the pages do not: the commands' help, and links that lead out of ``docs``.

A page is written for whoever reads it in the repository. What it links to outside ``docs`` has a page of its own on the
site.
"""

import re
from pathlib import Path

from pygments.lexers.data import JsonLexer
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger
from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

import vmops
import vmops.mlos
from vmops import pytest_plugin
from vmops.cli import command_line

_LOG = getLogger(__name__)

COMMANDS = "commands"
"""The page that ends with the help of all commands."""

OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/mlos_bench": "examples.md#mlos-bench",
}
"""Each path in the repository that pages link to, and the page that shows it on the site."""

_EXAMPLES = re.compile(r"^(?:\$ .*\n\n)+", re.MULTILINE)
"""The calls at the end of a command's help. The help's own blocks have no empty line after a call."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Have every page changed as it is read, and every file that a page includes."""
    app.add_lexer("jsonc", JsonLexer)
    app.add_lexer("crontab", TextLexer)
    app.connect("source-read", _page_read)
    app.connect("include-read", _file_included)
    app.connect("env-check-consistency", _reference_checked)
    return {"parallel_read_safe": True}


def _page_read(_: Sphinx, docname: str, content: list[str]) -> None:
    help_of_all = "\n" + commands() if docname == COMMANDS else ""
    content[0] = with_site_links(content[0], "../") + help_of_all


def _file_included(_app: Sphinx, _path: Path, _parent: str, content: list[str]) -> None:
    content[0] = with_site_links(content[0], "").replace("](docs/", "](")


def _reference_checked(_: Sphinx, env: BuildEnvironment) -> None:
    for name in sorted(public_names() - env.domains.python_domain.objects.keys()):
        _LOG.warning("%s is public and not in the reference: add it to docs/api.md", name)


def public_names() -> set[str]:
    """Give the full name of everything that a program may import from vmops."""
    fixtures = (name for name in vars(pytest_plugin) if name.startswith("azure_vm"))
    return {
        *(f"vmops.{name}" for name in vmops.__all__),
        *(f"vmops.mlos.{name}" for name in vmops.mlos.__all__),
        *(f"vmops.protocol.{name}" for name in ("Params", "Answer", "HANDLE")),
        *(f"vmops.pytest_plugin.{name}" for name in fixtures),
    }


def with_site_links(text: str, root: str) -> str:
    """Give Markdown whose links to files outside ``docs`` lead to their pages. ``root`` leads from it to the root."""
    for outside, page in OUTSIDE.items():
        text = text.replace(f"]({root}{outside}", f"]({page}")
    return text


def commands() -> str:
    """Give the help of every command as Markdown, from the command line itself."""
    command = get_command(command_line())
    text = get_docs_for_click(obj=command, ctx=Context(command, info_name="vmops"), name="vmops", indent=1)
    return _EXAMPLES.sub(_as_block, text)


def _as_block(calls: re.Match[str]) -> str:
    lines = calls[0].replace("\n\n", "\n")
    return f"```console\n{lines}```\n\n"
