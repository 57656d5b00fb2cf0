"""The form in which Azure Resource Manager and its providers refuse."""

from typing import Any

from vmops.local.arm.refusals import authorization, compute, disks, gateway, network

_TABLE: dict[str, tuple[int, str]] = (
    gateway.REFUSALS | network.REFUSALS | compute.REFUSALS | disks.REFUSALS | authorization.REFUSALS
)


class ArmError(Exception):
    """A refusal: a row of the tables with its blanks filled in; a blank ``target`` is also shown separately.

    A row is named by ARM's error code, with a suffix of ours if one code has several texts.
    """

    def __init__(self, row: str, /, *details: "ArmError", **blanks: object) -> None:
        self.status, words = _TABLE[row]
        self.code, self.message = row.partition(":")[0], words.format(**blanks)
        self.gateway = row in gateway.REFUSALS
        self._target, self._details = blanks.get("target"), details
        super().__init__(f"{self.code}: {self.message}")

    def body(self) -> dict[str, Any]:
        """Return the content of ``error`` in an answer or an operation."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self._target:
            body["target"] = str(self._target)
        if self._details:
            body["details"] = [cause.body() for cause in self._details]
        return body
