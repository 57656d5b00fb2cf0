"""Sends a single message to the process that started this one, over standard output."""

import os


def tell(words: bytes) -> bool:
    """Send the message, and close the pipe; tell whether the starter was still reading."""
    try:
        os.write(1, words)
    except BrokenPipeError:
        return False
    finally:
        os.dup2(2, 1)
    return True
