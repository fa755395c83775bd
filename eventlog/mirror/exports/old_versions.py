"""Deletes old versions of an export, a day after this archive first saw that they were replaced.

    state/mirror/exports.json   {"<name>/<version>": "<instant>"}: since when a version is old

Whoever read the manifest before it was replaced has a day to read the files. If `state/` is lost,
old versions stay a day longer.
"""

import re
from pathlib import Path

import msgspec

from eventlog.clock import DAY, format_us, parse_us
from eventlog.errors import Refused
from eventlog.files.publish import replace_file
from eventlog.mirror.exports.local_exports import VERSION_DIGITS, export_prefix
from eventlog.stores.store import Store

_VERSION = re.compile(f"[0-9a-f]{{{VERSION_DIGITS}}}")


async def delete_old_versions(
    root: Path, store: Store, name: str, current: str, now: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Deletes the versions of an export that have been old for a day.

    `current`: the version that is not old. Returns the versions that were deleted, and those that
    the key may not delete. One listing if there is none. Folders with other names are left alone.
    """
    folders = await store.folders(export_prefix(name))
    old = [version for version in folders if _VERSION.fullmatch(version) and version != current]
    known = _load_times(root)
    since = {version: known.get(f"{name}/{version}", now) for version in old}
    deleted: list[str] = []
    kept: list[str] = []
    for version in old:
        if since[version] <= now - DAY:
            is_deleted = await _delete_version(store, f"{export_prefix(name)}{version}/")
            (deleted if is_deleted else kept).append(version)
    others = {key: at for key, at in known.items() if key.rsplit("/", 1)[0] != name}
    left = {f"{name}/{x}": since[x] for x in old if x not in deleted}
    _save_times(root, others | left)
    return tuple(deleted), tuple(kept)


async def _delete_version(store: Store, prefix: str) -> bool:
    """Deletes the objects of a version. Returns False if the key may not."""
    try:
        for name in [stored.name async for stored in store.list_after(prefix, "")]:
            await store.delete(name)
    except Refused:
        return False
    return True


def times_path(root: Path) -> Path:
    """The file that says since when versions are old. May be deleted at any time."""
    return root / "state" / "mirror" / "exports.json"


def _load_times(root: Path) -> dict[str, int]:
    """Returns since when versions are old, by `<name>/<version>`."""
    try:
        times = msgspec.json.decode(times_path(root).read_bytes(), type=dict[str, str])
        return {key: parse_us(at) for key, at in times.items()}
    except (OSError, ValueError, UnicodeDecodeError, OverflowError):
        return {}


def _save_times(root: Path, times: dict[str, int]) -> None:
    path = times_path(root)
    if times or path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = {key: format_us(times[key]) for key in sorted(times)}
        replace_file(path, msgspec.json.format(msgspec.json.encode(texts)) + b"\n")
