"""A program that loses the engine, although nothing has failed."""

import pulumi
import pytest

from tests.azure import Azure
from vmops import VMOps
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.deploy.context import open_for_change
from vmops.engine.events import ENGINE_LOST
from vmops.engine.program import Program
from vmops.jobs import admission
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store
from vmops.spec.target import Target

TARGET = Target.from_params({"vmName": "exp1"})


def losing(programs: list[str], losses: int) -> Program:
    """Give a program that loses its engine, as Pulumi's SDK reports it, in its first runs."""

    async def program() -> None:
        programs.append("run")
        if len(programs) <= losses:
            raise pulumi.RunError("Resource monitor has terminated, shutting down")
        pulumi.export("runs", len(programs))

    return program


@pytest.mark.parametrize(("losses", "runs"), [(1, 2), (2, 3), (9, 3)])
def test_a_program_that_lost_its_engine_runs_again(ops: VMOps, azure: Azure, losses: int, runs: int) -> None:
    """At most twice; then the failure says what happened, and that the call may be repeated."""
    del azure
    programs: list[str] = []
    settings, store = ops.settings, Store(ops.settings.state_dir)
    with (
        admission.vm_lock(store, settings, TARGET.stack) as (held, claim),
        open_for_change(
            settings, TARGET, StackRecords(store, TARGET.stack), (held,), longest=300.0, claim=claim
        ) as site,
    ):
        site.stack.ensure()
        if losses < runs:
            site.stack.up(losing(programs, losses))
        else:
            with pytest.raises(OperationFailed) as caught:
                site.stack.up(losing(programs, losses))
            assert (caught.value.failure.kind, caught.value.failure.code) == (FailureKind.INTERRUPTED, ENGINE_LOST)
        assert len(programs) == runs
        site.stack.remove()
