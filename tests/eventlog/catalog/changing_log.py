"""A small log that is written, copied, damaged and cut, on a file system with coarse timestamps.

The timestamps of folders are simulated: two changes within two seconds give the same one, as on
some file systems. The clock can be set back and forth.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
import orjson

from eventlog.catalog.day import FolderStamp, FolderTimes
from eventlog.check.repair import repair
from eventlog.clock import DAY, HOUR, SECOND
from eventlog.errors import HindlogError
from eventlog.files.listing import list_segments
from eventlog.files.lost_segments import LOSS_FORMAT, Loss, write_loss
from eventlog.files.writer_ids import COMMAND, FETCH, IMPORT
from eventlog.format.event import PAGE, RUN, Draft
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.write.group import GROUP_LIMITS, append_to_group, close_group, open_group
from eventlog.write.writer import Stream, close_stream, roll
from tests.eventlog.catalog.spoiling import copy_segment, damage_catalog
from tests.eventlog.making import (
    OTHER,
    START,
    WRITER,
    ManualClock,
    disk_with,
    entity,
    opened,
    put,
)

GRANULE_US = 2 * SECOND
"""Resolution of the simulated timestamps."""
SOURCES = ("civitai", "openrouter")
WRITERS = (WRITER, OTHER)
IMPORTER = "0123abcd"
RUN_STATES = ("created", "progressed", "completed", "completed", "failed", "retried", "cleaned")
_FAST = disk_with(fsync=lambda handle: None, sync_dir=lambda path: None)


def _refuse_link(_source: Path, _target: Path) -> None:
    raise OSError(errno.ENOSPC, "no space left")


_FULL = attrs.evolve(_FAST, link=_refuse_link)
"""A disk on which no manifest can be published: segments stay open, beside a sealed file."""

Step = tuple[str, int, int]
"""Name of a method of `ChangingLog`, a number that chooses what it applies to, seconds after it."""


class ChangingLog:
    """An archive with two sources, and the simulated time of its machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = START + DAY
        self.clock = ManualClock()
        self.clock_steps = 0
        self.contents: dict[Path, list[tuple[str, int]]] = {}
        self.stamps: dict[Path, FolderStamp] = {}
        self.folder_copy: tuple[Path, Path, FolderStamp] | None = None
        self.copies = 0
        self.sound_files: dict[Path, bytes] = {}
        self.spoiled: list[SegmentName] = []
        self.backup = root / "backup"

    @property
    def times(self) -> FolderTimes:
        """The simulated clock and timestamps."""
        return FolderTimes(lambda: self.now, self._stamp)

    def _stamp(self, folder: str) -> FolderStamp | None:
        return self.stamps.get(Path(folder))

    def apply(self, step: Step) -> None:
        """Changes the log or its surroundings, then the timestamps of the folders that changed."""
        name, number, pause_s = step
        change: Callable[[int], None] = getattr(self, name)
        with suppress(HindlogError):  # a writer refuses to continue a damaged stream
            change(number)
        for folder in sorted((self.root / "log").glob("*/*-*-*")):
            content = sorted((path.name, path.stat().st_ino) for path in folder.iterdir())
            if self.contents.get(folder) != content:
                self.contents[folder] = content
                self.stamps[folder] = self._current_stamp()
        for folder in [*self.stamps]:
            if not folder.exists():
                del self.stamps[folder], self.contents[folder]
        self.now += pause_s * SECOND

    def _current_stamp(self) -> FolderStamp:
        ns = (self.now - self.now % GRANULE_US) * 1000 + self.clock_steps
        return FolderStamp(ns, ns)

    @contextmanager
    def _stream(self, source: str, writer: str) -> Iterator[Stream]:
        stream = opened(self.root, self.clock, source=source, writer=writer, disk=_FAST)
        try:
            yield stream
        finally:
            close_stream(stream)

    def append(self, number: int) -> None:
        """Appends to the open segment of a live stream."""
        with self._stream(SOURCES[number % 2], WRITERS[number // 2 % 2]) as stream:
            put(stream, *(entity(row) for row in range(1 + number % 3)))

    def seal(self, number: int) -> None:
        """Appends an event and seals the segment before its hour is over."""
        stream = opened(self.root, self.clock, source=SOURCES[number % 2], disk=_FAST)
        put(stream, entity(number))
        close_stream(stream, seal_open=True)

    def roll(self, number: int) -> None:
        """Continues with another segment in the same hour; the sealing of the first may fail."""
        disk = _FAST if number % 2 else _FULL
        stream = opened(self.root, self.clock, source=SOURCES[number // 2 % 2], disk=disk)
        try:
            put(stream, entity(number))
            roll(stream)
            put(stream, entity(number + 1))
        finally:
            close_stream(stream)

    def hours_pass(self, number: int) -> None:
        """Moves the clock of the writers by some hours."""
        self.clock.at += (1 + number % 30) * HOUR

    def import_hours(self, number: int) -> None:
        """Imports events of some hours in any order into a stream of their own."""
        stream = opened(
            self.root, self.clock, source=SOURCES[number % 2], writer=IMPORTER, disk=_FAST
        )
        for hour in (number % 31, number % 7, number % 53):
            put(stream, entity(hour), at=START - DAY + hour * HOUR)
        close_stream(stream, seal_open=True)

    def import_group(self, number: int) -> None:
        """Imports events of some hours as a group: many segments become durable together."""
        stream = opened(
            self.root, self.clock, source=SOURCES[number % 2], writer=IMPORTER, disk=_FAST
        )
        try:
            group = open_group(stream, GROUP_LIMITS)
            for hour in (number % 29, number % 29, 60 + number % 5):
                append_to_group(group, [lambda _seq, _at: [entity(1)]], START + hour * HOUR)
            close_group(group)
        finally:
            close_stream(stream)

    def put_runs(self, number: int) -> None:
        """Appends `run` events, and maybe a response, to any stream; those of imports are late."""
        run = f"r{number % 3}"
        state = RUN_STATES[number // 3 % len(RUN_STATES)]
        members = {"state": state, "listing": "models", "partial": number % 11 == 0}
        drafts = [Draft(kind=RUN, run=run, members=members)]
        if number % 5 == 0:
            imported = {"import": {"file": "f"}} if number % 2 else {}
            drafts.append(Draft(kind=PAGE, run=f"r{number % 4}", members={"url": "u"} | imported))
        writer = (*WRITERS, IMPORTER)[number // 7 % 3]
        stream = opened(
            self.root, self.clock, source=SOURCES[number // 13 % 2], writer=writer, disk=_FAST
        )
        late = START - DAY + number % 60 * HOUR if writer == IMPORTER else None
        put(stream, *drafts, at=late)
        close_stream(stream, seal_open=number % 4 > 0)

    def set_roles(self, number: int) -> None:
        """Replaces the list of the roles that writers have."""
        roles = {(FETCH, IMPORT, COMMAND)[number % 3]: IMPORTER} if number % 4 else {}
        if number % 7 == 0:
            roles[COMMAND] = OTHER
        (self.root / "log").mkdir(exist_ok=True)
        (self.root / "log" / "writer.json").write_bytes(orjson.dumps({"here": roles}))

    def damage_sealed(self, number: int) -> None:
        """Replaces the sealed file of a segment by one that is too short."""
        sealed = [files.name for files in list_segments(self.root) if files.is_sealed]
        for name in sealed[number % len(sealed) :][:1] if sealed else ():
            path = sealed_path(self.root, name)
            if path.exists():
                self._back_up(name)
                self.sound_files[path] = path.read_bytes()
                temporary = self.root / "temporary"
                temporary.write_bytes(b"short")
                temporary.replace(path)

    def mend_sealed(self, number: int) -> None:
        """Writes a good copy into such a file; its folder does not change."""
        for path in [*self.sound_files][number % 3 :][:1]:
            if path.exists():
                path.write_bytes(self.sound_files.pop(path))

    def remove_file(self, number: int) -> None:
        """Removes one file of a segment: its open or sealed file, or its manifest."""
        listed = list_segments(self.root)
        path_of = (open_path, sealed_path, manifest_path)[number % 3]
        for files in listed[number % len(listed) :][:1] if listed else ():
            self._back_up(files.name)
            path_of(self.root, files.name).unlink(missing_ok=True)

    def prune(self, number: int) -> None:
        """Removes the sealed files of a day, as after a push; the manifests stay."""
        for folder in self._day_folder(number):
            for files in list_segments(self.root, folder.parent.name):
                if files.name.date == folder.name and files.is_sealed:
                    self._back_up(files.name)
                    sealed_path(self.root, files.name).unlink(missing_ok=True)

    def _back_up(self, name: SegmentName) -> None:
        """Keeps a copy of a segment that will be damaged or removed, unless it was before."""
        if name not in self.spoiled:
            self.spoiled.append(name)
            copy_segment(self.root, name, self.backup)

    def repair(self, number: int) -> None:
        """Repairs a segment that was damaged or removed from the backup, or any other one."""
        names = self.spoiled or [files.name for files in list_segments(self.root)]
        for name in names[number % len(names) :][:1] if names else ():
            repair(self.root, name, self.backup, clock=self.clock)

    def remove_folder(self, number: int) -> None:
        """Removes a day folder."""
        for folder in self._day_folder(number):
            shutil.rmtree(folder)

    def damage_manifest(self, number: int) -> None:
        """Replaces a manifest by bytes that are none."""
        sealed = [files.name for files in list_segments(self.root) if files.is_sealed]
        for name in sealed[number % len(sealed) :][:1] if sealed else ():
            self._back_up(name)
            temporary = self.root / "temporary"
            temporary.write_bytes(b"{}")
            temporary.replace(manifest_path(self.root, name))

    def accept_loss(self, number: int) -> None:
        """Records that a segment is lost; some of its files still exist."""
        listed = list_segments(self.root)
        for files in listed[number % len(listed) :][:1] if listed else ():
            at = "2026-11-21T05:00:00.000000Z"
            write_loss(self.root, Loss(LOSS_FORMAT, str(files.name), 1, 1, at, None, None))

    def copy_folder(self, number: int) -> None:
        """Copies a day folder to a place outside of the log."""
        for folder in self._day_folder(number):
            self.copies += 1
            target = self.root / f"copy{self.copies}"
            shutil.copytree(folder, target)
            self.folder_copy = (folder, target, self.stamps[folder])

    def restore_folder(self, number: int) -> None:
        """Copies it back, adding its files or replacing the folder, with its old `mtime`."""
        if self.folder_copy is None:
            return
        folder, copied, stamp = self.folder_copy
        if number % 2 and folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(copied, folder, dirs_exist_ok=True)
        self.contents[folder] = sorted((path.name, path.stat().st_ino) for path in folder.iterdir())
        self.stamps[folder] = FolderStamp(stamp.mtime_ns, self._current_stamp().ctime_ns)

    def _day_folder(self, number: int) -> list[Path]:
        folders = sorted((self.root / "log").glob("*/*-*-*"))
        return folders[number % len(folders) :][:1] if folders else []

    def step_clock(self, number: int) -> None:
        """Sets the clock of this machine forth or back."""
        self.clock_steps += 1
        self.now += (-3 * HOUR, -15 * SECOND, -SECOND, DAY)[number % 4]

    def save_catalog(self, number: int) -> None:
        """Keeps a copy of the catalog as it is."""
        shutil.rmtree(self.root / "kept", ignore_errors=True)
        with suppress(FileNotFoundError):
            shutil.copytree(self.root / "state" / "catalog", self.root / "kept")

    def restore_catalog(self, number: int) -> None:
        """Puts the copy back: a stale catalog. Some of its files may be of later days."""
        if (self.root / "kept").is_dir():
            catalog = self.root / "state" / "catalog"
            if number % 2:
                shutil.rmtree(catalog, ignore_errors=True)
            shutil.copytree(self.root / "kept", catalog, dirs_exist_ok=True)

    def damage_catalog(self, number: int) -> None:
        """Cuts a file of the catalog, flips a bit, removes it, or swaps it with another one."""
        damage_catalog(self.root, number)
