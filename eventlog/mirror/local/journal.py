"""The journal of a push: the record that is about to be put, and the lock of the pusher.

    state/mirror/pending.json   bytes of the record, durable before its first object is put
    state/mirror/.lock          flock: one push at a time

After a crash, the record is put again byte for byte if its number is still free, so that the
pusher recognizes it as its own if it was put already.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from eventlog.errors import Corrupt, Locked
from eventlog.files.disk import REAL, Disk, make_dirs
from eventlog.files.publish import replace_durably
from eventlog.files.stream_lock import hold_lock
from eventlog.mirror.bucket.record import CommitRecord, encode_record, parse_record


def pending_path(root: Path) -> Path:
    """The file of the record that is about to be put. May be deleted at any time."""
    return root / "state" / "mirror" / "pending.json"


def save_pending(root: Path, record: CommitRecord, disk: Disk = REAL) -> None:
    """Stores the record that is about to be put, durable on return."""
    replace_durably(disk, pending_path(root), encode_record(record), root)


def load_pending(root: Path) -> CommitRecord | None:
    """Returns the record that a process was about to put; None if there is no usable one."""
    path = pending_path(root)
    with suppress(FileNotFoundError, Corrupt):
        return parse_record(path.read_bytes(), str(path))
    return None


def remove_pending(root: Path) -> None:
    """Forgets the record: it was put, or is not needed any more. Idempotent."""
    pending_path(root).unlink(missing_ok=True)


@contextmanager
def lock_mirror(root: Path) -> Iterator[None]:
    """Lets no other process push from this folder. Raises `Locked`."""
    path = root / "state" / "mirror" / ".lock"
    make_dirs(REAL, path.parent)
    with ExitStack() as lock:
        try:
            lock.enter_context(hold_lock(path, wait=False))
        except BlockingIOError as error:
            what = f"{root}: another process is pushing to the mirror"
            raise Locked(what, "wait for it: its lock ends with it") from error
        yield
