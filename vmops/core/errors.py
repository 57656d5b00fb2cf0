"""The exceptions of vmops, and what a caller can do about each.

VmopsError
├── SpecError (a ValueError)   the parameters are wrong: correct them and call again
├── ProvisionError             a VM that a program holds could not be made, used or removed; its failure says what to do
├── StoreError                 the records cannot be kept safely
│   ├── RecordsUnusable        the records cannot be read or written: only a removal and a stop work without them
│   └── RecordsAway            the shared records' database does not answer: no operation works without it
├── EngineMissing              no engine is installed, and none can be installed
├── StartFailed                a process of vmops cannot be started: no Python for it, or it exited at once
├── CloudError                 ARM refused a call, or did not answer
└── OperationFailed            an operation cannot continue; its failure is classified

The seven methods raise only SpecError. They report every other error as FAILED, and ``last_failure`` says why.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmops.core.failures import Failure


class VmopsError(Exception):
    """The root of all exceptions that vmops raises."""


class SpecError(VmopsError, ValueError):
    """Parameters that break a rule; nothing has happened yet.

    ``problems`` holds one sentence for each field: its name, its value (unless it is a secret) and the rule.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("; ".join(self.problems))


class OperationFailed(VmopsError):
    """An operation cannot continue; ``failure`` is the classified reason."""

    def __init__(self, failure: "Failure") -> None:
        self.failure = failure
        super().__init__(str(failure))


class EngineMissing(VmopsError):
    """No engine is installed, and none can be downloaded or built; the message names the ways to get one."""


class StartFailed(VmopsError):
    """A process of vmops could not be started, or exited before it could work; ``step`` says what to do next."""

    def __init__(self, why: str, step: str) -> None:
        self.step = step
        super().__init__(why)


class ProvisionError(VmopsError):
    """A VM that a program holds could not be made, used or removed; ``failure`` tells why, and what to do next."""

    def __init__(self, vm_name: str, failure: "Failure") -> None:
        self.vm_name, self.failure = vm_name, failure
        super().__init__(vm_name, failure)

    def __str__(self) -> str:
        """Give the VM's name and the failure in one sentence."""
        return f"{self.vm_name}: {self.failure}"


class StoreError(VmopsError):
    """Records cannot be kept safely in the state directory, or those that hosts share cannot be used.

    The message says why and what to do.
    """


class RecordsUnusable(StoreError):
    """The records cannot be read or written: the disk is full or read-only, or the file is damaged."""


class RecordsAway(StoreError):
    """The records that hosts share cannot be reached. Without them no host knows whether it may write, so none does.

    ``why`` is the reason, ``step`` says what to do next; the message is both.
    """

    step = "make PostgreSQL reachable, then call again"

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"{why}; {self.step}")


class CloudError(VmopsError):
    """ARM refused a call, or could not be reached (``status`` 0).

    ``retry_after`` is in seconds, None when the service did not say.
    """

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", resource: str = "", retry_after: float | None = None
    ) -> None:
        self.status, self.code, self.resource, self.retry_after = status, code, resource, retry_after
        super().__init__(message)
