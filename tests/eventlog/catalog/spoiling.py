"""Damage to the segments and to the catalog of a small log, and copies that repair it."""

import shutil
from pathlib import Path

from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path


def copy_segment(root: Path, name: SegmentName, target: Path) -> None:
    """Copies the files of a segment into another folder, under the same paths."""
    for path_of in (open_path, sealed_path, manifest_path):
        path = path_of(root, name)
        if path.exists():
            copy = target / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def damage_catalog(root: Path, number: int) -> None:
    """Cuts a file of the catalog, flips a bit, removes it, or swaps it with another one."""
    files = sorted((root / "state" / "catalog").rglob("*.msgpack"))
    if not files:
        return
    file, other = files[number % len(files)], files[number // 7 % len(files)]
    data = file.read_bytes()
    file.unlink()
    if number % 5 == 0:
        file.write_bytes(data[: number % len(data)])
    elif number % 5 == 1:
        at = number * 7919 % len(data)
        file.write_bytes(data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :])
    elif number % 5 == 2 and other.exists():
        file.write_bytes(other.read_bytes())
        other.write_bytes(data)
    elif number % 5 == 3:
        file.write_bytes(data[:16] + b"2" + data[17:])
