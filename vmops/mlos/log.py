"""vmops logs to the standard logger ``vmops``, so its events appear in mlos_bench's log."""

import logging


def join() -> None:
    """Keep the Azure SDK from logging every request to ARM, unless the program has set a level itself."""
    azure = logging.getLogger("azure")
    if azure.level == logging.NOTSET:
        azure.setLevel(logging.WARNING)
