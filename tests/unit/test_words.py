"""The check of the package's words, which `make lint` runs."""

import ast

from tests.house import Module
from tests.words import LONGEST_SENTENCE, faults

SOURCE = f'''
"""Places where a VM is to be had."""

class LockManager:
    """{"word " * LONGEST_SENTENCE}more."""
'''


def test_an_empty_name_a_riddle_and_a_long_sentence_are_found() -> None:
    """Each with its line."""
    module = Module("vmops.core.locks", SOURCE, ast.parse(SOURCE), frozenset())
    found = list(faults(module))
    assert [fault.partition(":")[0] for fault in found] == ["4", "2", "5"]
    assert ["'LockManager'" in found[0], "'be had'" in found[1], "46 words" in found[2]] == [True] * 3
