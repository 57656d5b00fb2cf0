"""Speaking to whoever started this process, once, over its standard output."""

import os


def tell(words: bytes) -> bool:
    """Say what the starter waits for, and let go of its pipe; tell whether it has not died meanwhile."""
    try:
        os.write(1, words)
    except BrokenPipeError:
        return False
    finally:
        os.dup2(2, 1)
    return True
