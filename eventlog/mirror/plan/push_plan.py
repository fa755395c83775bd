"""What to push, and in which order. Pure.

A stream is pushed in the order of its seqs and without holes, since each link continues the one
before it. A stream with a hole or damage stops there; the others continue. Among streams, what
is older comes first.
"""

from collections.abc import Iterable, Mapping

import attrs

from eventlog.format.paths import SegmentName
from eventlog.mirror.bucket.chain import LinkFacts, StreamHead, parse_stream
from eventlog.read.cursor import StreamKey


@attrs.frozen
class Unpushed:
    """A link of a stream that is not committed."""

    name: SegmentName
    is_lost: bool
    """Whether it is the record of a loss."""
    has_zst: bool
    first_seq: int
    last_seq: int
    first_us: int
    """Instant of its first event; of a loss, the beginning of its hour."""
    zst_bytes: int

    @property
    def key(self) -> StreamKey:
        """Its stream."""
        return self.name.source, self.name.writer


@attrs.frozen
class StoppedStream:
    """A stream of which something is not pushed."""

    key: StreamKey
    reason: str
    is_conflict: bool = False
    """Whether the bucket has other bytes than this folder; otherwise the folder is damaged."""


@attrs.frozen
class PushPlan:
    """What to push."""

    links: tuple[Unpushed, ...]
    """In the order in which they are pushed."""
    stopped: tuple[StoppedStream, ...]


def forked_stream(ours: LinkFacts | None, committed: LinkFacts) -> StoppedStream | None:
    """Returns the stream of a committed link if the last link here contradicts it.

    `ours`: the last sealed link of the stream in this folder, if it has one.
    """
    if ours is None or not committed.first_seq <= ours.last_seq <= committed.last_seq:
        return None
    if ours.sha256 == committed.sha256:
        return None  # and so is everything before it: the links are chained
    seqs = f"{committed.first_seq} to {committed.last_seq}"
    reason = f"{ours.segment}: the mirror has other events with seq {seqs}"
    return StoppedStream(ours.key, reason, is_conflict=True)


def forked_streams(forked: Mapping[str, str]) -> tuple[StoppedStream, ...]:
    """Returns the streams that a ledger knows to be forked."""
    return tuple(
        StoppedStream(parse_stream(text), reason, is_conflict=True)
        for text, reason in forked.items()
    )


def plan_push(
    heads: Mapping[StreamKey, StreamHead],
    unpushed: Iterable[Unpushed],
    unreadable: Iterable[SegmentName] = (),
) -> PushPlan:
    """Returns what to push after the committed heads of the streams.

    `unreadable`: segments whose manifest cannot be read. Law: the links of a stream continue its
    head without a hole, and nothing that does so is left out.
    """
    by_stream: dict[StreamKey, list[Unpushed]] = {}
    for link in unpushed:
        by_stream.setdefault(link.key, []).append(link)
    stopped = {
        (name.source, name.writer): StoppedStream(
            (name.source, name.writer), f"{name}: its manifest cannot be read"
        )
        for name in unreadable
    }
    ordered: list[tuple[int, StreamKey, int, Unpushed]] = []
    for key, links in by_stream.items():
        head = heads.get(key)
        expected, latest = head.last_seq + 1 if head else 1, 0
        for link in sorted(links, key=lambda link: (link.first_seq, link.is_lost)):
            problem = _problem_of(link, expected)
            if problem is not None:
                is_conflict = head is not None and link.first_seq <= head.last_seq
                stopped.setdefault(key, StoppedStream(key, problem, is_conflict))
                break
            # imports are not in the order of time: what follows an older link is not before it
            latest = max(latest, link.first_us)
            ordered.append((latest, key, link.first_seq, link))
            expected = link.last_seq + 1
    ordered.sort(key=lambda item: item[:3])
    return PushPlan(
        tuple(link for *_, link in ordered),
        tuple(stopped[key] for key in sorted(stopped)),
    )


def _problem_of(link: Unpushed, expected: int) -> str | None:
    if link.first_seq < expected:
        return (
            f"{link.name}: begins with seq {link.first_seq}, but the mirror has seq {expected - 1}"
        )
    if link.first_seq > expected:
        return f"{link.name}: begins with seq {link.first_seq}, but seq {expected} is missing"
    if not link.has_zst and not link.is_lost:
        return f"{link.name}: its sealed file is missing"
    return None
