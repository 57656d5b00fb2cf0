"""The parallelism of an engine."""

_OF_A_MACHINE, _MOST = 3, 128


def at_once(machines: int) -> int | None:
    """Give how many resources an engine works on in parallel; None for one VM: the default, four for each processor.

    A machine has three resources of its own, and only waits for Azure. Source: Pulumi, ``--parallel``.
    """
    return min(_OF_A_MACHINE * machines, _MOST) if machines > 1 else None
