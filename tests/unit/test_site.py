"""The documentation's site contains every page, public name and command."""

import re
from pathlib import Path

from docs.site_pages import commands, public_names

DOCS = Path(__file__).parents[2] / "docs"


def test_every_public_name_is_in_the_reference() -> None:
    """The reference shows all public names; the build of the site checks for the same names in its output."""
    text = (DOCS / "api.md").read_text()
    missing = sorted(name for name in public_names() if f":: {name}\n" not in text)
    assert not missing, f"docs/api.md does not describe {missing}: add an autoclass or autofunction line for each"


def test_every_page_is_in_the_sites_index() -> None:
    """A page without a link in the site would not be found."""
    named = (DOCS / "index.md").read_text().splitlines()
    missing = sorted(page.name for page in DOCS.glob("*.md") if page.stem not in (*named, "index"))
    assert not missing, f"docs/index.md does not name {missing}: add a line for each, mostly to How to"


def test_every_command_has_a_heading() -> None:
    """Including those of groups; the calls in its help are code blocks."""
    text = commands()
    top = re.findall(r"^\* `(\w[\w-]*)`: ", text.partition("### ")[0], re.MULTILINE)
    headings = re.findall(r"^#+ `vmops ?(.*)`$", text, re.MULTILINE)
    assert {*top, "provision", "engine install", "local fault"} <= set(headings)
    assert not re.search(r"\n\n\$ ", text)
