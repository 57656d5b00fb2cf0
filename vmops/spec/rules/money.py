"""Rules for spending limits."""

from vmops.core.durations import number


def dollars(value: object) -> float:
    """Check an amount of US dollars, above 0."""
    if (amount := number(value)) <= 0:
        raise ValueError(f"{value!r} is not an amount of US dollars above 0")
    return amount
