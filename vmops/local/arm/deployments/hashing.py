"""The hash functions of templates: ``uniqueString`` and ``guid``, and the hash of a whole template.

Azure does not document the first. Source: maskati's gist on calculating Bicep's uniqueString locally, which names the
hash, a MurmurHash of 64 bits, the alphabet, and the input of a template's own hash; the recorded traffic of
azure-mgmt-resource 10, whose template has the hash that is computed here; Microsoft's page on the string functions of
Bicep, which names the namespace of ``guid``.
"""

import json
import uuid
from typing import Any

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_WORD = 0xFFFFFFFF


def unique_string(*parts: str) -> str:
    """Give 13 characters that depend only on the texts."""
    number = _murmur("-".join(parts).encode())
    digits = ((number << 1) >> shift & 31 for shift in range(60, -1, -5))
    return "".join(_ALPHABET[digit] for digit in digits)


def guid(*parts: str) -> str:
    """Give a GUID that depends only on the texts."""
    return str(uuid.uuid5(_NAMESPACE, "-".join(parts)))


def template_hash(template: Any) -> str:
    """Give the hash that ARM shows for a template."""
    return str(_murmur(json.dumps(template, separators=(",", ":")).upper().encode()))


def _murmur(text: bytes) -> int:
    """Hash bytes to 64 bits: two halves, each over every other word of four bytes."""
    low = high = 0
    whole = len(text) // 8 * 8
    for at in range(0, whole, 8):
        low = ((_turned(low ^ _low_word(text[at : at + 4]), 19) + high) * 5 + 0x561CCD1B) & _WORD
        high = ((_turned(high ^ _high_word(text[at + 4 : at + 8]), 13) + low) * 5 + 0x0BCAA747) & _WORD
    rest = text[whole:]
    low = low ^ _low_word(rest[:4]) ^ len(text)
    high = high ^ _high_word(rest[4:]) ^ len(text)
    low = (low + high) & _WORD
    low, high = _mixed(low), _mixed((high + low) & _WORD)
    low = (low + high) & _WORD
    return ((high + low) & _WORD) << 32 | low


def _low_word(four: bytes) -> int:
    return _turned(_number(four) * 0x239B961B & _WORD, 15) * 0xAB0E9789 & _WORD


def _high_word(four: bytes) -> int:
    return _turned(_number(four) * 0xAB0E9789 & _WORD, 17) * 0x239B961B & _WORD


def _number(few: bytes) -> int:
    return int.from_bytes(few, "little")


def _turned(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _WORD


def _mixed(word: int) -> int:
    word = (word ^ word >> 16) * 0x85EBCA6B & _WORD
    word = (word ^ word >> 13) * 0xC2B2AE35 & _WORD
    return word ^ word >> 16
