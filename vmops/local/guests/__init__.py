"""Guests of the local Azure: what runs inside its machines, each in Linux namespaces of its own, with SSH."""

from typing import Literal, get_args

Asked = Literal["auto", "none", "namespaces"]
"""What may run inside the machines: what there can be here, nothing, or namespaces."""

ASKED: tuple[str, ...] = get_args(Asked)
