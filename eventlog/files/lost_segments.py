"""Losses: segments that exist nowhere any more, each recorded where its manifest would lie.

    log/<source>/<YYYY-MM-DD>/<HH>-<writer>-<nnn>.lost.json

A loss names the seqs that are missing and takes its place in the chain: it names the
manifest before, the manifest behind names it (or the lost manifest, whose SHA-256 the
loss repeats). So readers step over exactly these seqs, and over nothing else.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import msgspec

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, Disk, make_dirs, sync_up, write_durable
from eventlog.files.listing import list_lost
from eventlog.format import manifest as manifests
from eventlog.format.paths import SegmentName, loss_path, parse_segment

FORMAT = 1

_GIVEN_UP = re.compile(
    rb'\{"v":1[^{]{,200}"kind":"anomaly","reason":"lost","segment":"[^"]*","first_seq":'
)


@attrs.frozen
class Loss:
    """Seqs of a stream whose loss somebody has accepted."""

    format: int
    segment: str
    first_seq: int
    last_seq: int
    accepted_at: str
    manifest: str | None
    """SHA-256 of the lost manifest, where something still says it."""
    previous: str | None
    """SHA-256 of the manifest (or loss) before; None at the beginning of a stream."""

    @property
    def name(self) -> SegmentName:
        """Under which name it stands."""
        name = parse_segment(self.segment)
        if name is None:
            raise Corrupt(f"a loss names {self.segment!r}, which is no segment")
        return name


_DECODER: msgspec.json.Decoder[Loss] = msgspec.json.Decoder(Loss)


def to_bytes(loss: Loss) -> bytes:
    """The file of a loss: one JSON object and a line feed. Inverse of `from_bytes`."""
    return msgspec.json.encode(attrs.asdict(loss)) + b"\n"


def from_bytes(data: bytes, where: str) -> Loss:
    """The loss in a file named `where`. Raises `Corrupt`."""
    try:
        loss = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"{where}: no record of a loss: {error}", "hindlog verify") from error
    if loss.format != FORMAT or not 1 <= loss.first_seq <= loss.last_seq:
        found = f"format {loss.format}, seqs {loss.first_seq} to {loss.last_seq}"
        raise Corrupt(f"{where}: expected format {FORMAT} and seqs in order, found {found}")
    if to_bytes(loss) != data:
        raise Corrupt(f"{where}: not spelled as losses are", "hindlog verify")
    return loss


def read_loss(root: Path, name: SegmentName) -> Loss:
    """The loss recorded under a name. Raises `Corrupt`."""
    path = loss_path(root, name)
    loss = from_bytes(path.read_bytes(), str(path))
    if loss.segment != str(name):
        raise Corrupt(f"{path}: expected the loss of {name}, found {loss.segment}")
    return loss


def read_losses(root: Path, source: str, writer: str) -> list[Loss]:
    """The accepted losses of a stream, in the order of their seqs. Raises `Corrupt`."""
    found = [read_loss(root, name) for name in list_lost(root, source, writer)]
    return sorted(found, key=lambda loss: loss.first_seq)


def beyond(losses: Sequence[Loss], seq: int) -> int:
    """The first seq from `seq` on that is not lost. The losses are in the order of seqs."""
    for loss in losses:
        if loss.first_seq <= seq <= loss.last_seq:
            seq = loss.last_seq + 1
    return seq


def link_of(loss: Loss) -> str:
    """What the next manifest names as its previous one."""
    return loss.manifest or manifests.digest(to_bytes(loss))


def tells_loss(line: bytes) -> bool:
    """Whether an event says that something before it was given up."""
    return _GIVEN_UP.match(line) is not None


def write_loss(root: Path, loss: Loss, disk: Disk = REAL) -> None:
    """Record a loss, durable when it returns; never over another."""
    path = loss_path(root, loss.name)
    make_dirs(disk, path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    write_durable(disk, temporary, to_bytes(loss))
    try:
        disk.link(temporary, path)
    finally:
        disk.unlink(temporary)
    sync_up(disk, path.parent, root)
