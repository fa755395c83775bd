"""A disk that can lose power: it forgets what was not synced, or writes it back anyhow.

What is durable is kept beside the real files: of each file the bytes of its last
fsync, of each folder the names of its last sync. `power_cut` lays a new folder from
that, and mixes in, if told to, any part of what was on its way: sectors in any order
(zeros where one is missing), names that came or went.
"""

import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import attrs

from eventlog.files.disk import REAL, Disk


class PowerCut(BaseException):
    """The machine is off. Nothing that runs on it goes on."""


@attrs.define
class Platter:
    """What of a folder would survive."""

    root: Path
    chance: random.Random
    fuse: int = 1 << 60
    """So many changes until the power goes."""
    contents: dict[int, bytes] = attrs.field(factory=dict)
    names: dict[int, dict[str, int]] = attrs.field(factory=dict)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    held: dict[int, int] = attrs.field(factory=dict)
    """An open handle per file, so that the number of its inode is not used again."""

    def burn(self) -> None:
        """One change less until the power goes."""
        self.fuse -= 1
        if self.fuse < 0:
            raise PowerCut


def settle(platter: Platter) -> None:
    """Call durable what lies there now, as after a long time."""
    for folder, _, _ in os.walk(platter.root):
        _note_names(platter, Path(folder))
    for path in platter.root.rglob("*"):
        if path.is_file():
            platter.contents[_hold(platter, path)] = path.read_bytes()


def _hold(platter: Platter, path: Path) -> int:
    number = path.stat().st_ino
    if number not in platter.held:
        platter.held[number] = os.open(path, os.O_RDONLY)
    return number


def _note_names(platter: Platter, folder: Path) -> None:
    found = {path.name: path for path in folder.iterdir()}
    for path in found.values():
        if path.is_file():
            _hold(platter, path)
    platter.names[folder.stat().st_ino] = {name: path.stat().st_ino for name, path in found.items()}


def disk_of(platter: Platter) -> Disk:
    """The disk that writes on a platter."""

    def open_append(path: Path) -> int:
        platter.burn()
        handle = REAL.open_append(path)
        _hold(platter, path)
        return handle

    def write(handle: int, data: bytes) -> int:
        if platter.fuse == 0:
            REAL.write(handle, bytes(data)[: platter.chance.randrange(len(data) + 1)])
        platter.burn()
        if platter.chance.random() < 0.1:  # the system takes a part
            data = bytes(data)[: platter.chance.randrange(len(data)) + 1]
        return REAL.write(handle, data)

    def fsync(handle: int) -> None:
        platter.burn()
        found = os.fstat(handle)
        platter.contents[found.st_ino] = os.pread(platter.held[found.st_ino], found.st_size, 0)

    def sync_dir(path: Path) -> None:
        platter.burn()
        _note_names(platter, path)

    def burning(name: str) -> Callable[..., object]:
        def call(*args: object) -> object:
            platter.burn()
            return getattr(REAL, name)(*args)

        return call

    def one_at_a_time(change: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            with platter.lock:  # the sealer is a thread of its own
                return change(*args)

        return call

    changes = {"open_append": open_append, "write": write, "fsync": fsync, "sync_dir": sync_dir}
    changes |= {name: burning(name) for name in ("truncate", "rename", "link", "unlink")}
    locked = {name: one_at_a_time(change) for name, change in changes.items()}
    return attrs.evolve(REAL, free_bytes=lambda _path: 1 << 50, **locked)


def power_cut(platter: Platter, target: Path, *, disorder: bool, state: str) -> None:
    """Lay what survived in a new folder. `state`: what became of `state/`."""
    _lay(platter, platter.root, target, disorder)
    if state == "kept" and (platter.root / "state").exists():
        shutil.copytree(platter.root / "state", target / "state", dirs_exist_ok=True)
    elif state == "gone":
        shutil.rmtree(target / "state", ignore_errors=True)
    elif state == "emptied":
        for path in (target / "state").rglob("*.json"):
            path.write_bytes(b"")
    for handle in platter.held.values():
        os.close(handle)


def _lay(platter: Platter, source: Path, target: Path, disorder: bool) -> None:
    target.mkdir(exist_ok=True)
    present = {path.name: path.stat().st_ino for path in source.iterdir()}
    durable = platter.names.get(source.stat().st_ino, {})
    for name in sorted(present.keys() | durable.keys()):
        number = durable.get(name)
        if disorder and platter.chance.random() < 0.5:
            number = present.get(name)
        if number is None:
            continue
        if (source / name).is_dir():
            _lay(platter, source / name, target / name, disorder)
        else:
            (target / name).write_bytes(_survived(platter, number, disorder))


def _survived(platter: Platter, number: int, disorder: bool) -> bytes:
    safe = platter.contents.get(number, b"")
    if not disorder or number not in platter.held:
        return safe
    size = os.fstat(platter.held[number]).st_size
    present = os.pread(platter.held[number], size, 0)
    if present == safe or not present.startswith(safe):
        return platter.chance.choice([safe, present])
    sector = platter.chance.choice([8, 64, 512])
    end = platter.chance.randint(len(safe), len(present))
    pieces = [
        present[at : at + sector]
        if platter.chance.random() < 0.6
        else b"\x00" * len(present[at : at + sector])
        for at in range(len(safe), end, sector)
    ]
    return (safe + b"".join(pieces))[:end]
