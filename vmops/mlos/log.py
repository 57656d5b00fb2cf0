"""One log for both: what vmops logs goes where mlos_bench's own words go."""

import logging

import structlog


def join() -> None:
    """Send what vmops logs to ``logging``, and spare its readers a page for every request to ARM.

    What the program has configured itself stays as it is.
    """
    azure = logging.getLogger("azure")
    if azure.level == logging.NOTSET:
        azure.setLevel(logging.WARNING)
    if not structlog.is_configured():
        structlog.configure(
            processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
        )
