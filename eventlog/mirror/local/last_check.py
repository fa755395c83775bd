"""The result of the last check of the bucket, kept for `status` and `sync push --again`.

    state/mirror/check.json

It counts only for the bucket and the archive that it names, and may be deleted at any time.
"""

from pathlib import Path

import msgspec

from eventlog.files.publish import replace_file

MAX_MISSING = 10_000
"""Largest number of missing objects that are kept; the next check finds the others."""


class MissingObject(msgspec.Struct, frozen=True, array_like=True):
    """An object that is committed and not in the bucket."""

    name: str
    size: int
    sha256: str


class LastCheck(msgspec.Struct, frozen=True):
    """What a check found."""

    address: str
    """Of the bucket."""
    archive: str
    at: str
    is_clean: bool
    missing: tuple[MissingObject, ...] = ()


def check_path(root: Path) -> Path:
    """The file of the last check."""
    return root / "state" / "mirror" / "check.json"


def save_check(root: Path, check: LastCheck) -> None:
    """Replaces the last check. It need not be durable: checks can be repeated."""
    path = check_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = msgspec.structs.replace(check, missing=check.missing[:MAX_MISSING])
    replace_file(path, msgspec.json.encode(kept) + b"\n")


def load_check(root: Path, address: str, archive: str | None) -> LastCheck | None:
    """Returns the last check of a bucket and archive; None if there is none."""
    try:
        check = msgspec.json.decode(check_path(root).read_bytes(), type=LastCheck)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return check if (check.address, check.archive) == (address, archive) else None
