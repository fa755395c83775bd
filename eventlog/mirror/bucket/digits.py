"""Texts of hexadecimal digits that identify something in a mirror. Pure."""

import hashlib
import hmac
import re

_SHA256 = re.compile("[0-9a-f]{64}")
_SHORT_ID = re.compile("[0-9a-f]{16}")


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 in hex digits, lower case."""
    return _SHA256.fullmatch(text) is not None


def is_archive_id(text: str) -> bool:
    """Whether a text is the id of an archive: 16 hex digits."""
    return _SHORT_ID.fullmatch(text) is not None


def hash_machine(machine: str) -> str:
    """Returns the hash by which other machines know a machine: 16 hex digits.

    systemd asks to keep a machine id confidential and to publish a keyed hash of it instead.
    """
    return hmac.new(machine.encode(), b"hindlog machine", hashlib.sha256).hexdigest()[:16]
