"""The report of the benchmarks."""

from benchmarks.profile import told
from benchmarks.table import Row, explained, show


def row(name: str, ours: float, limit: float) -> Row:
    """Give a row with one measurement."""
    return Row(name, {"vmops": {"median": ours, "least": ours}}, f"<= {limit}", limit)


def test_a_missed_row_is_marked_and_profiled() -> None:
    """Its profile follows the table, beside that of its baseline; rows that meet their figure have none."""
    profiles = {
        "24 at once, s": {"the caller": 10.0, "the fork server's children": 850.0},
        "100 at once, s": {"the caller": 130.4, "the fork server's children": 880.0, "the local Azure": 0.2},
        "24 gone, s": {"the caller": 7.0},
    }
    table = [row("24 at once, s", 12.0, 15.0), row("24 gone, s", 8.0, 9.0), row("100 at once, s", 58.0, 54.0)]
    lines: list[str] = []
    show(table, explained(table, profiles), lines.append)
    assert [line.split()[0] for line in lines if "MISSED" in line] == ["100"]
    assert lines[-2:] == [
        "  24 at once, s: the fork server's children 850, the caller 10",
        "  100 at once, s: the fork server's children 880, the caller 130",
    ]


def test_without_missed_rows_nothing_is_profiled() -> None:
    """No profile is run then."""
    table = [row("provision", 1.0, 1.0), row("100 at once, s", 1.0, 2.0)]
    assert explained(table, {"100 at once, s": {"the caller": 1.0}}) == {}
    assert told("nothing", {}) == "  nothing: "
