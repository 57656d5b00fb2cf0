"""The sentences that a person reads when a command fails, and the exit code for scripts."""

import typer

from vmops.azure.error_codes import failure_from_cloud_error
from vmops.cli.console import complain, print_json
from vmops.core.errors import CloudError, OperationFailed, SpecError, StartFailed, VmopsError
from vmops.core.failures import Failure, FailureKind
from vmops.protocol import Status

_FAILED, _WRONG_CALL = 1, 2


def explain(error: Exception, *, as_json: bool) -> int:
    """Print a sentence for each error, and give the exit code.

    With ``as_json``, a failed verb prints FAILED on stdout in the form of any answer; a wrong call prints no answer.

    Raises: the error itself if it is unexpected, so that its traceback can be reported.
    """
    sentences, code = account(error)
    for sentence in sentences:
        complain(sentence)
    if as_json and code == _FAILED:
        print_json({"status": Status.FAILED.name, "result": {}, "failure": _failure(error, sentences).as_dict()})
    return code


def _failure(error: Exception, sentences: list[str]) -> Failure:
    from vmops.ops.results import classify

    if isinstance(error, VmopsError):
        return classify(error)
    return Failure(FailureKind.ENGINE, "; ".join(sentences))


def account(error: Exception) -> tuple[list[str], int]:
    """Give the sentences for an error, and the exit code. Raises: as `explain`."""
    match error:
        case SpecError():
            return list(error.problems), _WRONG_CALL
        case CloudError():
            return [_sentence(failure_from_cloud_error(error))], _FAILED
        case StartFailed():
            return [f"{error}; {error.step}"], _FAILED
        case OperationFailed(failure=failure):
            return [_sentence(failure)], _FAILED
        case VmopsError():
            return [str(error)], _FAILED
        case typer.TyperException():
            return [_wrong_call(error)] if error.format_message() else [], error.exit_code
        case typer.Abort():
            return ["nothing was done"], _FAILED
        case OSError():
            return [": ".join(map(str, filter(None, (error.filename, error.strerror or str(error)))))], _FAILED
    raise error


def _sentence(failure: Failure) -> str:
    """Format a failure: the name of its resource, then the failure."""
    name = failure.resource.rpartition("/")[2] if failure.resource.startswith("/") else ""
    return f"{name}: {failure}" if name else str(failure)


def _wrong_call(error: typer.TyperException) -> str:
    """Write what is wrong with a call, and how to get its help."""
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context else ""
    return error.format_message().rstrip(".") + hint
