"""One log for both: what vmops logs goes where mlos_bench's own words go, through the standard logger ``vmops``."""

import logging


def join() -> None:
    """Spare the readers of the log a page for every request to ARM, unless the program has set a level itself."""
    azure = logging.getLogger("azure")
    if azure.level == logging.NOTSET:
        azure.setLevel(logging.WARNING)
