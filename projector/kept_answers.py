"""Answers from the views, kept so that unchanged views need not be queried again.

    views/answers/<name>    the state of the views, and what was computed from it

An answer is a function of the files of the views and of the code. It is used only if all of them
are as they were before it was computed: the views file, every file of parts (size, inode and
timestamps), and the digest of this package. It is disposable: without it, or if it is damaged, the
views are queried. Nothing is kept of views that changed recently, since two changes within the
resolution of a timestamp cannot be told apart.
"""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from eventlog.catalog.day import SETTLED_US
from eventlog.catalog.storage import load, save
from eventlog.clock import Clock, now_us
from projector.digests import digest_files, digest_rules, digest_texts, find_files

Answer = TypeVar("Answer")

ANSWERS = "answers"
"""Folder of the answers, in that of the views."""


class KeptAnswer(msgspec.Struct, Generic[Answer], frozen=True, array_like=True):
    """An answer, and the state of the views that it follows from."""

    state: bytes
    answer: Answer


def views_state(root: Path, clock: Clock = now_us) -> bytes | None:
    """Returns the digest of all that an answer depends on; None if no answer may be kept.

    An answer is computed after its state was taken: what changes in between gives another state.
    """
    views = root.resolve() / "views"
    now = clock()
    try:
        files = find_files(views, sorted(views.glob("parts*")))
    except OSError:  # removed meanwhile
        return None
    changes_ns = [max(file.st_mtime_ns, file.st_ctime_ns) for file in files.values()]
    if not files or now - max(changes_ns) // 1000 < SETTLED_US:
        return None
    return digest_texts([digest_rules().hex(), digest_files(files).hex()])


def recall(root: Path, name: str, state: bytes | None, type_: type[Answer]) -> Answer | None:
    """Returns the answer that was kept under a name for this state of the views, if any."""
    kept = load(_path(root, name), KeptAnswer[type_])  # type: ignore[valid-type]
    return kept.answer if kept is not None and kept.state == state else None


def keep(root: Path, name: str, state: bytes | None, answer: object) -> None:
    """Keeps an answer that was computed from this state of the views; None: keeps nothing."""
    if state is not None:
        save(_path(root, name), KeptAnswer(state, answer))


def _path(root: Path, name: str) -> Path:
    return root.resolve() / "views" / ANSWERS / name
