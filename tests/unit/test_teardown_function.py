"""Functions decorated by `machine`: their signature, their kind, and their errors."""

import inspect
import pickle

import vmops
from vmops import Machine, ProvisionError
from vmops.core.failures import Failure, FailureKind


@vmops.machine({"vmName": "exp1"})
def experiment(vm: Machine, trials: int = 3) -> str:
    """Try it."""
    return f"{trials} on {vm.name}"


@vmops.machines([{"vmName": "exp1"}, {"vmName": "exp2"}])
async def meeting(vms: list[Machine], /, *, minutes: int) -> None:
    """Let them meet."""


def test_a_decorated_functions_signature_lacks_the_machine() -> None:
    """The machine is given, so neither a reader nor pytest is asked for it."""
    assert str(inspect.signature(experiment)) == "(trials: int = 3) -> str"
    assert str(inspect.signature(meeting)) == "(*, minutes: int) -> None"
    assert (experiment.__name__, experiment.__doc__) == ("experiment", "Try it.")


def test_a_decorated_coroutine_function_stays_one() -> None:
    """Runners such as asyncio's and pytest's check for a coroutine function before the call."""
    assert (inspect.iscoroutinefunction(meeting), inspect.iscoroutinefunction(experiment)) == (True, False)


def test_provision_error_can_be_pickled() -> None:
    """A test runner's worker or a process pool sends it home with all that it tells."""
    error = ProvisionError("exp1", Failure(FailureKind.QUOTA, "no cores left", "QuotaExceeded"))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.failure) == (str(error), error.failure)
    assert str(error).startswith("exp1: quota: no cores left (QuotaExceeded); ask for a quota increase")
