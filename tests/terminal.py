"""The output of a terminal, read from its controlling end."""

import os
import re


def shown(controller: int) -> str:
    """Read a terminal or a pipe until no process has it open, and close this end of it."""
    seen = b""
    try:
        while block := os.read(controller, 65536):
            seen += block
    except OSError:  # Linux raises it for a terminal that no process has open
        pass
    os.close(controller)
    return seen.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """Remove colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
