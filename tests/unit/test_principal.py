"""In whose name Azure is asked, as a token tells: it is read, never trusted."""

import base64
import json

import pytest

from vmops.azure.connection import principal_in


def token(**claims: str) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2lnbmVk"


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"upn": "mia@example.org", "appid": "4711", "oid": "0815"}, "mia@example.org"),
        ({"appid": "4711", "oid": "0815"}, "4711"),
        ({"oid": "0815"}, "0815"),
        ({"iss": "somebody"}, ""),
    ],
)
def test_a_person_is_named_and_an_application_by_its_id(claims: dict[str, str], name: str) -> None:
    """The claim that says most is taken."""
    assert principal_in(token(**claims)) == name


@pytest.mark.parametrize("odd", ["", "opaque", "a.b.c", "e30.bm8ganNvbg.x"])
def test_a_token_that_tells_nothing_names_nobody(odd: str) -> None:
    """A cloud may give tokens of any form."""
    assert principal_in(odd) == ""
