"""A simulated disk that can lose power, and with it everything that was not synced.

The files are real. In memory, the simulation records what is durable: the bytes of each
file at its last fsync, and the names in each folder at its last sync. `power_cut` makes a
new folder from this record. With `disorder`, a random part of the unsynced changes
survives too, as on a real disk: sectors in any order (a missing one reads as zeros), and
names that were added or removed.
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
    """The power failed. A `BaseException`, so that no handler of the code under test catches it."""


@attrs.define
class SimulatedDisk:
    """The part of a folder that would survive a power cut."""

    root: Path
    chance: random.Random
    changes_left: int = 1 << 60
    """Number of changes to the disk until the power fails."""
    durable_bytes: dict[int, bytes] = attrs.field(factory=dict)
    """Synced content of each file, by inode number."""
    durable_names: dict[int, dict[str, int]] = attrs.field(factory=dict)
    """Synced names in each folder with their inode numbers, by inode number of the folder."""
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    handles: dict[int, int] = attrs.field(factory=dict)
    """An open handle per file, so that its inode number is not reused after an unlink."""
    syncs_file_system: bool = True
    """Whether the system can make all files durable with one call."""

    def count_change(self) -> None:
        """Counts one change. Raises `PowerCut` once the allowed changes are used up."""
        self.changes_left -= 1
        if self.changes_left < 0:
            raise PowerCut


def mark_durable(simulated: SimulatedDisk) -> None:
    """Marks all present files and names as durable."""
    for folder, _, _ in os.walk(simulated.root):
        _remember_names(simulated, Path(folder))
    for path in simulated.root.rglob("*"):
        if path.is_file():
            simulated.durable_bytes[_keep_open(simulated, path)] = path.read_bytes()


def _keep_open(simulated: SimulatedDisk, path: Path) -> int:
    inode = path.stat().st_ino
    if inode not in simulated.handles:
        simulated.handles[inode] = os.open(path, os.O_RDONLY)
    return inode


def _remember_names(simulated: SimulatedDisk, folder: Path) -> None:
    names: dict[str, int] = {}
    for path in folder.iterdir():
        names[path.name] = _keep_open(simulated, path) if path.is_file() else path.stat().st_ino
    simulated.durable_names[folder.stat().st_ino] = names


def disk_of(simulated: SimulatedDisk) -> Disk:
    """Returns file operations that write to a simulated disk."""

    def open_append(path: Path) -> int:
        simulated.count_change()
        handle = REAL.open_append(path)
        _keep_open(simulated, path)
        return handle

    def write(handle: int, data: bytes) -> int:
        if simulated.changes_left == 0:
            REAL.write(handle, bytes(data)[: simulated.chance.randrange(len(data) + 1)])
        simulated.count_change()
        if simulated.chance.random() < 0.1:  # a short write
            data = bytes(data)[: simulated.chance.randrange(len(data)) + 1]
        return REAL.write(handle, data)

    def fsync(handle: int) -> None:
        simulated.count_change()
        stat = os.fstat(handle)
        data = os.pread(simulated.handles[stat.st_ino], stat.st_size, 0)
        simulated.durable_bytes[stat.st_ino] = data

    def sync_dir(path: Path) -> None:
        simulated.count_change()
        _remember_names(simulated, path)

    def sync_file_system(handle: int) -> bool:
        simulated.count_change()
        if simulated.syncs_file_system:
            mark_durable(simulated)
        return simulated.syncs_file_system

    changes = {"open_append": open_append, "write": write, "fsync": fsync, "sync_dir": sync_dir}
    changes["sync_file_system"] = sync_file_system
    changes |= {
        name: _counted(simulated, name) for name in ("truncate", "rename", "link", "unlink")
    }
    locked = {name: _locked(simulated, change) for name, change in changes.items()}
    return attrs.evolve(REAL, free_bytes=lambda _path: 1 << 50, **locked)


def _counted(simulated: SimulatedDisk, name: str) -> Callable[..., object]:
    def call(*args: object) -> object:
        simulated.count_change()
        return getattr(REAL, name)(*args)

    return call


def _locked(simulated: SimulatedDisk, change: Callable[..., object]) -> Callable[..., object]:
    def call(*args: object) -> object:
        with simulated.lock:  # the sealer runs in a thread of its own
            return change(*args)

    return call


def power_cut(simulated: SimulatedDisk, target: Path, *, disorder: bool, state: str) -> None:
    """Copies everything that survived into a new folder, and closes the simulated disk.

    `state` is the fate of `state/`: "kept" as it was, "gone", "emptied" (its JSON files have
    no bytes), or anything else for the parts that were synced.
    """
    _copy_survivors(simulated, simulated.root, target, disorder)
    if state == "kept" and (simulated.root / "state").exists():
        shutil.copytree(simulated.root / "state", target / "state", dirs_exist_ok=True)
    elif state == "gone":
        shutil.rmtree(target / "state", ignore_errors=True)
    elif state == "emptied":
        for path in (target / "state").rglob("*.json"):
            path.write_bytes(b"")
    for handle in simulated.handles.values():
        os.close(handle)


def _copy_survivors(simulated: SimulatedDisk, source: Path, target: Path, disorder: bool) -> None:
    target.mkdir(exist_ok=True)
    present = {path.name: path.stat().st_ino for path in source.iterdir()}
    durable = simulated.durable_names.get(source.stat().st_ino, {})
    for name in sorted(present.keys() | durable.keys()):
        inode = durable.get(name)
        if disorder and simulated.chance.random() < 0.5:
            inode = present.get(name)
        if inode is None:
            continue
        if (source / name).is_dir():
            _copy_survivors(simulated, source / name, target / name, disorder)
        elif inode in simulated.durable_names:  # a folder whose removal did not survive
            (target / name).mkdir()
            for file, number in simulated.durable_names[inode].items():
                (target / name / file).write_bytes(simulated.durable_bytes.get(number, b""))
        else:
            (target / name).write_bytes(_surviving_bytes(simulated, inode, disorder))


def _surviving_bytes(simulated: SimulatedDisk, inode: int, disorder: bool) -> bytes:
    safe = simulated.durable_bytes.get(inode, b"")
    if not disorder or inode not in simulated.handles:
        return safe
    size = os.fstat(simulated.handles[inode]).st_size
    present = os.pread(simulated.handles[inode], size, 0)
    if present == safe or not present.startswith(safe):
        return simulated.chance.choice([safe, present])
    sector = simulated.chance.choice([8, 64, 512])
    end = simulated.chance.randint(len(safe), len(present))
    pieces = [
        present[at : at + sector]
        if simulated.chance.random() < 0.6
        else b"\x00" * len(present[at : at + sector])
        for at in range(len(safe), end, sector)
    ]
    return (safe + b"".join(pieces))[:end]
