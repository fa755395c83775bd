"""Finds the assets that lines name. Pure.

Few lines name one, so the blocks are searched first, and only the lines that are found are decoded.
"""

import re

import msgspec

_MARK = b',"body_asset":"'
"""What every line contains that names an asset. It is never the first member."""
_SHA256 = re.compile("[0-9a-f]{64}")


class _Line(msgspec.Struct):
    body_asset: str | None = None


_DECODER = msgspec.json.Decoder(_Line)


def named_assets(lines: bytes) -> frozenset[str]:
    """Returns the SHA-256 of every asset that complete lines name. A body names none."""
    if _MARK not in lines:
        return frozenset()
    return frozenset(
        name
        for line in lines.split(b"\n")
        if _MARK in line
        for name in (_name_in(line),)
        if name is not None and _SHA256.fullmatch(name)
    )


def _name_in(line: bytes) -> str | None:
    """Returns the member `body_asset` of a line; None if there is none, or the line is damaged."""
    try:
        return _DECODER.decode(line).body_asset
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
