"""How much an engine does at once."""

_OF_A_MACHINE, _MOST = 3, 128


def at_once(machines: int) -> int | None:
    """Give how many resources an engine works on at once; None, which is four for each processor, for one VM.

    A machine has three resources of its own, and waits for Azure alone. Source: Pulumi, ``--parallel``.
    """
    return min(_OF_A_MACHINE * machines, _MOST) if machines > 1 else None
