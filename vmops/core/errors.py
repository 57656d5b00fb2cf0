"""What can go wrong, and what the caller can do about it.

VmopsError
├── SpecError (a ValueError)   the parameters are wrong: mend them and call again
├── ProvisionError             a VM that a program holds could not be made, used or removed; its failure says what to do
├── StoreError                 the state directory cannot hold our records
│   ├── RecordsUnusable        the records cannot be read or written: a removal and a stop do without them
│   └── RecordsAway            the records are on another host, which does not answer: nothing does without them
├── EngineMissing              no engine here and no way to get one
├── StartFailed                a process of ours cannot be started: no Python for it, or it died at once
├── CloudError                 ARM answered no, or nothing
└── OperationFailed            an operation cannot go on, for a reason that has been classified

Of these the seven methods raise SpecError only: what the others tell is FAILED there, and ``last_failure`` says why.
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
    """An operation cannot go on, for a reason that has been classified."""

    def __init__(self, failure: "Failure") -> None:
        self.failure = failure
        super().__init__(str(failure))


class EngineMissing(VmopsError):
    """No engine is installed, and none can be downloaded or built; the message names the ways to get one."""


class StartFailed(VmopsError):
    """A process of ours could not be started, or died before it could work; ``step`` is what to do next."""

    def __init__(self, why: str, step: str) -> None:
        self.step = step
        super().__init__(why)


class ProvisionError(VmopsError):
    """A VM that a program holds could not be made, used or removed; ``failure`` tells why, and what to do next."""

    def __init__(self, vm_name: str, failure: "Failure") -> None:
        self.vm_name, self.failure = vm_name, failure
        super().__init__(vm_name, failure)

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"{self.vm_name}: {self.failure}"


class StoreError(VmopsError):
    """The state directory cannot hold our records safely; the message says why and what to do."""


class RecordsUnusable(StoreError):
    """The records cannot be read or written: the disk is full or read-only, or the file is damaged."""


class RecordsAway(StoreError):
    """The records that hosts share cannot be reached: nobody knows who may write, so nobody does."""


class CloudError(VmopsError):
    """ARM refused a call, or could not be reached (``status`` 0).

    ``retry_after`` is in seconds, None when the service did not say.
    """

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", resource: str = "", retry_after: float | None = None
    ) -> None:
        self.status, self.code, self.resource, self.retry_after = status, code, resource, retry_after
        super().__init__(message)
