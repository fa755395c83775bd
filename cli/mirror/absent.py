"""Connects the readers of absent files with the bucket of their archive.

    first missing file ──> configuration, ledger ──> committed? ──> bucket, opened in a thread

Nothing is read or opened before a file is missing. The bucket is closed with the command.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import attrs
import click

from cli.mirror.objects import get_object, get_object_range, size_of_object
from cli.options.global_options import environment, message_printer, options_of
from eventlog.errors import HindlogError, Unavailable
from eventlog.files.absent.mirror import FindMirror, MirrorReader

if TYPE_CHECKING:
    from cli.config.settings import MirrorSettings
    from eventlog.stores.wrappers import BlockingStore

GIVE_UP_AFTER_S = 30.0
"""How long a reader retries: shorter than a push, since somebody waits for it."""

ReportText = Callable[[str], None]


@attrs.define
class _Archive:
    """An archive whose mirror is used."""

    root: Path
    settings: "MirrorSettings"
    report: ReportText
    opened: ExitStack
    """Closes the bucket."""
    is_offline: bool
    lock: Lock = attrs.field(factory=Lock)
    store: "BlockingStore | None" = None
    committed: dict[tuple[str, str], int] | None = None
    """Last committed seq of each stream, as the ledger knew it when it was read."""


@contextmanager
def mirrors_of(context: click.Context) -> Iterator[FindMirror]:
    """Yields the function that finds the mirror of an archive.

    `context`: that of the program, with the global options. It may be used in any thread.
    """
    mirrors: dict[Path, MirrorReader] = {}
    lock = Lock()
    with ExitStack() as opened:

        def find(root: Path) -> MirrorReader | None:
            with lock:
                if root not in mirrors:
                    if not (root / "log" / "archive.json").exists():
                        return None  # was never pushed or pulled
                    mirrors[root] = _mirror_of(root, context, opened)
                return mirrors[root]

        yield find


def _mirror_of(root: Path, context: click.Context, opened: ExitStack) -> MirrorReader:
    from cli.config.load import load_config

    options = options_of(context)
    settings = load_config(root, environment(options), options.config).mirror
    report = message_printer(options)
    archive = _Archive(root, settings, report, opened, options.offline)
    return MirrorReader(
        address=settings.url or "that is not configured",
        is_committed=lambda source, writer, seq: _is_committed(archive, (source, writer), seq),
        size_of=lambda name: size_of_object(_store_of(archive), name),
        get_file=lambda wanted, path: get_object(_store_of(archive), wanted, path),
        get_range=lambda name, *span: get_object_range(_store_of(archive), name, *span),
        cache_bytes=settings.cache_bytes,
        report=archive.report,
    )


def _is_committed(archive: _Archive, key: tuple[str, str], last_seq: int) -> bool:
    """Whether a stream is committed up to a seq, as the ledger knows it; a lost one is restored."""
    from eventlog.mirror.local.absent import committed_seqs

    with archive.lock:
        known = archive.committed
    if known is not None and last_seq <= known.get(key, 0):
        return True
    current = committed_seqs(archive.root)
    if current is None and known is None:
        current = _restored_seqs(archive)
    with archive.lock:
        archive.committed = current or {}
        return last_seq <= archive.committed.get(key, 0)


def _restored_seqs(archive: _Archive) -> dict[tuple[str, str], int] | None:
    """Returns what is committed according to the bucket; None if it cannot be read."""
    from eventlog.mirror.history.restore_ledger import restore_ledger
    from eventlog.mirror.local.absent import committed_seqs

    try:
        store = _store_of(archive)
        store.run(restore_ledger(archive.root, store.store))
    except HindlogError as error:
        what = "which files are only in the mirror is not known, since there is no ledger"
        archive.report(f"{what}: {error.what}")
        return None
    return committed_seqs(archive.root)


def _store_of(archive: _Archive) -> "BlockingStore":
    """Returns the bucket, opened when it is used for the first time."""
    from cli.mirror.bucket import Retries, open_bucket, report_retry
    from eventlog.stores.wrappers import in_thread

    if archive.is_offline:
        raise Unavailable("--offline: the mirror is not asked", "leave --offline out")
    with archive.lock:
        if archive.store is None:
            retries = Retries(GIVE_UP_AFTER_S, partial(report_retry, archive.report))
            opening = open_bucket(archive.root, archive.settings, Counter(), retries=retries)
            archive.store = archive.opened.enter_context(in_thread(opening))
        return archive.store
