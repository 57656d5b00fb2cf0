"""What a person reads when a command cannot go on, and the exit code that a script sees."""

import typer

from vmops.console import complain
from vmops.errors import CloudError, SpecError, VmopsError
from vmops.failures import of_cloud

_FAILED, _WRONG_CALL = 1, 2


def explain(error: Exception) -> int:
    """Say in a sentence each what is wrong, and give the exit code.

    Raises: the error itself if nobody foresaw it, because then its traceback is what must be reported.
    """
    sentences, code = _account(error)
    for sentence in sentences:
        complain(sentence)
    return code


def _account(error: Exception) -> tuple[list[str], int]:
    match error:
        case SpecError():
            return list(error.problems), _WRONG_CALL
        case CloudError():
            return [str(of_cloud(error))], _FAILED
        case VmopsError():
            return [str(error)], _FAILED
        case typer.TyperException():
            return [_wrong_call(error)] if error.message else [], error.exit_code
        case typer.Abort():
            return ["nothing was done"], _FAILED
        case OSError():
            return [": ".join(map(str, filter(None, (error.filename, error.strerror or str(error)))))], _FAILED
    raise error


def _wrong_call(error: typer.TyperException) -> str:
    """Say what is wrong with a call, and where its help is."""
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context else ""
    return error.format_message().rstrip(".") + hint
