"""Sends the process that started this one a single message, over standard output."""

import os


def tell(words: bytes) -> bool:
    """Send the message that the starter waits for, and close its pipe; tell whether the starter was still there."""
    try:
        os.write(1, words)
    except BrokenPipeError:
        return False
    finally:
        os.dup2(2, 1)
    return True
