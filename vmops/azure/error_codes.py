"""Classifies ARM's refusals: by code and message, else by HTTP status."""

import re

from vmops.azure.meanings import TABLE, Meaning
from vmops.core.errors import CloudError
from vmops.core.failures import Failure, FailureKind

NO_ADVICE = "vmops has no advice for this refusal: see Azure's message"
"""The next step for a refusal without a known remedy."""

_STATUSES = {
    401: FailureKind.AUTH,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    409: FailureKind.CONFLICT,
    429: FailureKind.THROTTLED,
}

CODES = {code: [each for each in TABLE if code in each.codes.split()] for row in TABLE for code in row.codes.split()}
"""The meanings of each of ARM's codes, in the table's order."""

_UNAMBIGUOUS = frozenset({401, 408, 429})
"""Statuses with an unambiguous meaning. Source: RFC 9110, RFC 6585."""


def failure_from_cloud_error(error: CloudError) -> Failure:
    """Classify an error of ARM; a missing answer is ``interrupted``."""
    if not error.status and not error.code:
        return Failure(FailureKind.INTERRUPTED, str(error), resource=error.resource)
    return classify(error.code, str(error), status=error.status, resource=error.resource)


def classify(code: str, message: str, *, status: int = 0, resource: str = "") -> Failure:
    """Turn ARM's refusal into a `Failure`: by code and message, else by HTTP status.

    An unknown refusal has ARM's message, and no advice.
    """
    found = _meaning(code, message)
    kind, step = (found[0].kind, _filled(found[0].step, found[1])) if found else _by_status(status)
    return Failure(kind, message or code or f"HTTP {status}", code, resource, step=step)


def in_short(failure: Failure) -> str:
    """Summarise a refusal that may concern many resources; without a summary, give ARM's message."""
    found = _meaning(failure.code, failure.message)
    return (found and _filled(found[0].short, found[1])) or " ".join(failure.message.split()).rstrip(". ")


def _meaning(code: str, message: str) -> tuple[Meaning, dict[str, str]] | None:
    """Give a refusal's meaning, and the values of the named groups in its message; None if it is unknown."""
    for meaning in CODES.get(code, ()):
        if found := re.search(meaning.words, message, re.IGNORECASE | re.DOTALL):
            return meaning, found.groupdict()
    return None


def _filled(text: str, named: dict[str, str]) -> str:
    return text.format(**named)


def _by_status(status: int) -> tuple[FailureKind, str]:
    if status >= 500:
        return FailureKind.INTERRUPTED, ""
    kind = _STATUSES.get(status, FailureKind.INVALID if 400 <= status < 500 else FailureKind.ENGINE)
    return kind, "" if status in _UNAMBIGUOUS else NO_ADVICE
