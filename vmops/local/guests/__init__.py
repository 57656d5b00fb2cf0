"""Guests of the local Azure: what runs inside its machines, each in Linux namespaces of its own, with SSH."""

from typing import Literal, get_args

Asked = Literal["auto", "none", "namespaces"]
"""The kinds of guests: the best that this host allows, none, or namespaces."""

ASKED: tuple[str, ...] = get_args(Asked)
