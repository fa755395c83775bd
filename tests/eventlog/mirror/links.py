"""Links of streams, without the segments that they describe."""

from eventlog.clock import HOUR, format_us
from eventlog.files.lost_segments import LOSS_FORMAT, Loss, encode_loss
from eventlog.format.manifest import Content, Frame, Manifest, digest, encode_manifest
from eventlog.format.paths import segment_at
from eventlog.mirror.bucket.chain import link_facts
from eventlog.mirror.bucket.record import LOST_LINK, SEALED_LINK, CommitRecord, Link
from eventlog.mirror.push.prepare import PreparedLink
from tests.eventlog.making import SOURCE, START, WRITER

ARCHIVE = "0123456789abcdef"
PUSHER = "aa000001"


def sealed_link(
    first_seq: int = 1, rows: int = 3, previous: str | None = None, hour: int = 0
) -> Link:
    """Returns the link of a sealed segment with `rows` events."""
    name = segment_at(SOURCE, WRITER, START + hour * HOUR, 0)
    at = format_us(name.starts_at)
    frame = Frame(0, 40, 100, rows, {"entity": rows}, {"model": rows})
    manifest = Manifest(
        format=1,
        segment=str(name),
        rows=rows,
        first_seq=first_seq,
        last_seq=first_seq + rows - 1,
        first_observed_at=at,
        last_observed_at=at,
        raw=Content(100, digest(b"raw")),
        zst=Content(40, digest(b"zst")),
        longest_line_bytes=50,
        kinds={"entity": rows},
        types={"model": rows},
        frames=(frame,),
        previous=previous,
    )
    return Link(SEALED_LINK, "fetch", "00112233aabbccdd", encode_manifest(manifest).decode())


def lost_link(
    first_seq: int = 1, rows: int = 3, previous: str | None = None, lost: str | None = None
) -> Link:
    """Returns the link of an accepted loss of `rows` events; `lost`: SHA-256 of its manifest."""
    name = segment_at(SOURCE, WRITER, START, first_seq)
    at = format_us(START)
    last = first_seq + rows - 1
    loss = Loss(LOSS_FORMAT, str(name), first_seq, last, at, lost, previous)
    return Link(LOST_LINK, None, None, encode_loss(loss).decode())


def prepared_loss(link: Link) -> PreparedLink:
    """Returns the link of a loss, as it is put."""
    return PreparedLink(link, link_facts(link, "a test"), None, ())


def record_of(
    *links: Link, number: int = 0, previous: str | None = None, pusher: str = PUSHER
) -> CommitRecord:
    """Returns a commit record."""
    return CommitRecord(
        v=1,
        archive=ARCHIVE,
        pusher=pusher,
        number=number,
        previous=previous,
        at=format_us(START),
        host="here:/srv/a",
        links=links or (sealed_link(),),
        assets=(),
    )
