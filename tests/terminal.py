"""What a terminal shows, read from the end that a person would see."""

import os
import re


def shown(controller: int) -> str:
    """Give all that a terminal, or a pipe, shows until nobody has it open any more, and close this end of it."""
    seen = b""
    try:
        while block := os.read(controller, 65536):
            seen += block
    except OSError:  # Linux raises it for a terminal that no process has open
        pass
    os.close(controller)
    return seen.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """Take colours out."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
