"""Writes the manifests and losses of the bucket into the folder, all of them durable together.

    all under temporary names ──> durable ──> linked ──> durable

An fsync for each of a large log would take minutes: many are synced at once. Until its file
arrives, a segment is absent.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from eventlog.check.accept_loss import known_seqs
from eventlog.files.disk import REAL, make_dirs, sync_file, sync_parents
from eventlog.files.publish import temporary_path
from eventlog.files.writer_ids import HASHED, add_writers
from eventlog.format.paths import loss_path, manifest_path, open_path, parse_segment
from eventlog.mirror.bucket.chain import LinkFacts, known_link_facts
from eventlog.mirror.bucket.record import LOST_LINK, CommitRecord, Link
from eventlog.mirror.history.other_folders import describe_fork
from eventlog.mirror.history.spool import Spool, spooled
from eventlog.mirror.pull.pull_plan import LinkState, LocalFiles, link_state
from eventlog.read.cursor import StreamKey
from eventlog.read.seq_ranges import KnownSeqs

MANY = 64
"""Number of files from which on the whole file system is synced."""


@attrs.frozen
class WrittenManifests:
    """What was done with the links of a bucket."""

    count: int
    """Manifests and losses that were not here before."""
    conflicts: dict[StreamKey, str]
    """For each stream of which the folder has other events, what differs. None of its links
    was written."""


def write_manifests(root: Path, spool: Spool) -> WrittenManifests:
    """Writes the manifests and losses that are not here. Durable on return.

    A stream of which the folder has other events is left out completely.
    """
    conflicts, owners = _find_conflicts(root, spool)
    add_writers(root, owners)
    written: dict[Path, None] = {}
    with _open_log(root) as handle:
        for link, facts in _links_of(spool):
            if facts.key not in conflicts and _state_of(root, link, facts) is LinkState.NEW:
                path = _path_of(root, link, facts)
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary_path(path).write_bytes(link.file.encode())
                written[path] = None
        _make_durable(root, handle, [temporary_path(path) for path in written])
        for path in written:
            with suppress(FileExistsError):
                path.hardlink_to(temporary_path(path))
            temporary_path(path).unlink()
        _make_durable(root, handle, list(written))
    return WrittenManifests(len(written), conflicts)


def plan_manifests(root: Path, spool: Spool) -> WrittenManifests:
    """Returns what `write_manifests` would do. Changes nothing."""
    conflicts, _ = _find_conflicts(root, spool)
    new = {
        facts.segment
        for link, facts in _links_of(spool)
        if facts.key not in conflicts and _state_of(root, link, facts) is LinkState.NEW
    }
    return WrittenManifests(len(new), conflicts)


@contextmanager
def _open_log(root: Path) -> Iterator[int]:
    """Opens the folder of the log before anything is written, so that no error is missed."""
    make_dirs(REAL, root / "log")
    handle = os.open(root / "log", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _make_durable(root: Path, handle: int, paths: Sequence[Path]) -> None:
    """Makes files and their names durable: one by one, or their file system if they are many."""
    if len(paths) > MANY and REAL.sync_file_system(handle):
        return
    for path in paths:
        sync_file(REAL, path)
    for folder in {path.parent for path in paths}:
        sync_parents(REAL, folder, root)


def _links_of(spool: Spool) -> Iterator[tuple[Link, LinkFacts]]:
    for _, link, facts in _recorded_links(spool):
        yield link, facts


def _recorded_links(spool: Spool) -> Iterator[tuple[CommitRecord, Link, LinkFacts]]:
    for record in spooled(spool):
        for link in record.links:
            yield record, link, known_link_facts(link)


def _find_conflicts(
    root: Path, spool: Spool
) -> tuple[dict[StreamKey, str], set[tuple[str, str, str]]]:
    """Returns what differs, for each stream of which the folder has other events; and the owners.

    The owners are machine, role and writer of all streams whose links name them.
    """
    conflicts: dict[StreamKey, str] = {}
    owners: set[tuple[str, str, str]] = set()
    known: dict[StreamKey, list[KnownSeqs]] = {}
    for record, link, facts in _recorded_links(spool):
        if link.role is not None and link.machine is not None:
            owners.add((f"{HASHED}{link.machine}", link.role, facts.key[1]))
        if facts.key in conflicts:
            continue
        if facts.key not in known:
            known[facts.key] = known_seqs(root, *facts.key)
        if _state_of(root, link, facts, known[facts.key]) is LinkState.CONFLICT:
            conflicts[facts.key] = (
                f"{facts.segment}: the mirror has other events with seq {facts.first_seq}"
                f" to {facts.last_seq} than this folder: {describe_fork(facts.key, record)}"
            )
    return conflicts, owners


def _state_of(
    root: Path, link: Link, facts: LinkFacts, known: Sequence[KnownSeqs] = ()
) -> LinkState:
    name = parse_segment(facts.segment)
    assert name is not None  # checked when the link was decoded
    local = LocalFiles(
        _bytes_of(manifest_path(root, name)),
        _bytes_of(loss_path(root, name)),
        open_path(root, name).exists(),
    )
    return link_state(link.file.encode(), link.kind == LOST_LINK, local, known, facts)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _path_of(root: Path, link: Link, facts: LinkFacts) -> Path:
    name = parse_segment(facts.segment)
    assert name is not None
    return loss_path(root, name) if link.kind == LOST_LINK else manifest_path(root, name)
