"""Takes the links of one record: each checked, and continuing the one before it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, NotFound
from eventlog.mirror.bucket.chain import StreamHead, link_facts
from eventlog.mirror.bucket.record import MAX_LINKS, CommitRecord, has_room
from eventlog.mirror.history.other_folders import describe_fork
from eventlog.mirror.local.ledger import Ledger
from eventlog.mirror.plan.push_plan import StoppedStream, Unpushed
from eventlog.mirror.push.prepare import PreparedLink, prepare_link
from eventlog.read.cursor import StreamKey

LOOK_AHEAD = 4 * MAX_LINKS
"""Number of links among which those of the next batch are looked for."""
MAX_BATCH_BYTES = 512 * 1024 * 1024
"""Largest size of the sealed files of a batch that has several. They are read before the first is
sent, which an interrupt has to wait for, and an interrupted batch is not committed."""


@attrs.frozen
class Batch:
    """The links of one record."""

    links: tuple[PreparedLink, ...]
    stopped: tuple[StoppedStream, ...]
    """Streams whose next link is damaged, or does not continue what is committed."""


def due_links(
    links: Sequence[Unpushed], start: int, is_due: Callable[[Unpushed], bool]
) -> tuple[int, tuple[Unpushed, ...]]:
    """Returns the index of the first due link from `start` on, and the due ones of the next.

    Links are pushed in about their order, so all batches together look at each link a few times.
    """
    while start < len(links) and not is_due(links[start]):
        start += 1
    return start, tuple(filter(is_due, links[start : start + LOOK_AHEAD]))


def take_batch(
    root: Path, links: Iterable[Unpushed], heads: Mapping[StreamKey, StreamHead]
) -> Batch:
    """Returns the first of these links, as many as one record may have.

    Reads the segments. A stream whose link is damaged stops before it; the others continue.
    """
    taken: list[PreparedLink] = []
    stopped: dict[StreamKey, StoppedStream] = {}
    last = dict(heads)
    size = sealed = 0
    for unpushed in links:
        if unpushed.key in stopped:
            continue
        sealed += unpushed.zst_bytes
        if len(taken) == MAX_LINKS or (taken and sealed > MAX_BATCH_BYTES):
            break
        try:
            prepared = prepare_link(root, unpushed)
        except (Corrupt, NotFound) as error:
            stopped[unpushed.key] = StoppedStream(unpushed.key, error.what)
            continue
        except FileNotFoundError as error:
            reason = f"{error.filename}: missing"
            stopped[unpushed.key] = StoppedStream(unpushed.key, reason)
            continue
        problem = _chain_problem(prepared, last.get(unpushed.key), heads)
        if problem is not None:
            stopped[unpushed.key] = problem
            continue
        added = len(prepared.link.file)
        if not has_room(len(taken), size, added):
            break
        taken.append(prepared)
        size += added
        last[unpushed.key] = prepared.facts.head
    return Batch(tuple(taken), tuple(stopped.values()))


def _chain_problem(
    prepared: PreparedLink, head: StreamHead | None, heads: Mapping[StreamKey, StreamHead]
) -> StoppedStream | None:
    facts = prepared.facts
    if facts.previous == (head.sha256 if head else None):
        return None
    before = head.segment if head else "nothing"
    is_committed = head is not None and heads.get(facts.key) == head
    where = " in the mirror" if is_committed else ""
    reason = (
        f"{facts.segment}: continues a segment with SHA-256 {str(facts.previous)[:16]}…, but"
        f" {before}{where} has {(head.sha256 if head else 'none')[:16]}…"
    )
    return StoppedStream(facts.key, reason, is_conflict=is_committed)


def in_pending_order(
    links: Sequence[Unpushed], pending: CommitRecord | None, ledger: Ledger
) -> Sequence[Unpushed]:
    """Returns only the links of the pending record if it is still the next one, else all."""
    if pending is None or (pending.number, pending.previous) != (
        ledger.own.next,
        ledger.own.sha256,
    ):
        return links
    names = {link_facts(link, "pending").segment for link in pending.links}
    first = [link for link in links if str(link.name) in names]
    return first if len(first) == len(names) else links


def without_conflicts(
    links: Sequence[PreparedLink], conflicts: Iterable[tuple[PreparedLink, str]]
) -> tuple[PreparedLink, ...]:
    """Returns the links before the first conflict of their stream."""
    first: dict[StreamKey, int] = {}
    for link, _ in conflicts:
        seq = link.facts.first_seq
        first[link.facts.key] = min(seq, first.get(link.facts.key, seq))
    return tuple(
        link for link in links if link.facts.first_seq < first.get(link.facts.key, 1 << 63)
    )


def conflict_of(conflict: tuple[PreparedLink, str]) -> StoppedStream:
    """Returns the stream that stops because the bucket has other bytes under a name."""
    link, message = conflict
    return StoppedStream(link.facts.key, message, is_conflict=True)


def name_other_folder(stream: StoppedStream, record: CommitRecord | None) -> StoppedStream:
    """Returns a stream whose reason names the other folder that writes it, after a conflict.

    `record`: the last one that the other folder put for the stream, if it is known.
    """
    if not stream.is_conflict:
        return stream
    reason = f"{stream.reason}: {describe_fork(stream.key, record)}"
    return attrs.evolve(stream, reason=reason)
