"""Losses: records of permanently lost segments, stored in place of their manifests.

    log/<source>/<YYYY-MM-DD>/<HH>-<writer>-<nnn>.lost.json

A loss states the missing seqs and is a link of the chain of manifests: it contains the
SHA-256 of the previous manifest, and the next manifest contains the SHA-256 of the loss (or
of the lost manifest, which the loss repeats). Readers skip exactly these seqs.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import msgspec

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, Disk
from eventlog.files.listing import list_losses
from eventlog.files.publish import publish_new
from eventlog.format import manifest as manifests
from eventlog.format.paths import SegmentName, loss_path, parse_segment

LOSS_FORMAT = 1

_LOSS_EVENT = re.compile(
    rb'\{"v":1[^{]{,200}"kind":"anomaly","reason":"lost","segment":"[^"]*","first_seq":'
)


@attrs.frozen
class Loss:
    """Seqs of a stream whose loss an operator has accepted. Both ends are included."""

    format: int
    segment: str
    first_seq: int
    last_seq: int
    accepted_at: str
    manifest: str | None
    """SHA-256 of the lost manifest, if it is still known."""
    previous: str | None
    """SHA-256 of the previous manifest or loss; None at the beginning of a stream."""

    @property
    def name(self) -> SegmentName:
        """Name under which the loss is recorded. Raises `Corrupt` if `segment` is no name."""
        name = parse_segment(self.segment)
        if name is None:
            raise Corrupt(f"a loss: expected the name of a segment, found {self.segment!r}")
        return name


_DECODER: msgspec.json.Decoder[Loss] = msgspec.json.Decoder(Loss)


def encode_loss(loss: Loss) -> bytes:
    """Encodes a loss: one JSON object and a line feed. Inverse of `parse_loss`."""
    return msgspec.json.encode(attrs.asdict(loss)) + b"\n"


def parse_loss(data: bytes, where: str) -> Loss:
    """Decodes a loss. `where`: its file, for error messages. Raises `Corrupt`."""
    try:
        loss = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(
            f"{where}: expected the record of a loss: {error}", "hindlog verify"
        ) from error
    if loss.format != LOSS_FORMAT or not 1 <= loss.first_seq <= loss.last_seq:
        found = f"format {loss.format}, seqs {loss.first_seq} to {loss.last_seq}"
        raise Corrupt(f"{where}: expected format {LOSS_FORMAT} and seqs in order, found {found}")
    if encode_loss(loss) != data:
        raise Corrupt(f"{where}: expected exactly the bytes that hindlog writes", "hindlog verify")
    return loss


def read_loss(root: Path, name: SegmentName) -> Loss:
    """Returns the loss recorded under a name. Raises `Corrupt`."""
    path = loss_path(root, name)
    loss = parse_loss(path.read_bytes(), str(path))
    if loss.segment != str(name):
        raise Corrupt(f"{path}: expected the loss of {name}, found {loss.segment}")
    return loss


def read_losses(root: Path, source: str, writer: str) -> list[Loss]:
    """Returns the accepted losses of a stream, in seq order. Raises `Corrupt`."""
    losses = [read_loss(root, name) for name in list_losses(root, source, writer)]
    return sorted(losses, key=lambda loss: loss.first_seq)


def skip_lost(losses: Sequence[Loss], seq: int) -> int:
    """Returns the first seq from `seq` on that is not lost. `losses` must be in seq order."""
    for loss in losses:
        if loss.first_seq <= seq <= loss.last_seq:
            seq = loss.last_seq + 1
    return seq


def chain_digest(loss: Loss) -> str:
    """Returns the SHA-256 by which the next manifest refers to this loss."""
    return loss.manifest or manifests.digest(encode_loss(loss))


def is_loss_event(line: bytes) -> bool:
    """Whether a line is the event that announces an accepted loss."""
    return _LOSS_EVENT.match(line) is not None


def write_loss(root: Path, loss: Loss, disk: Disk = REAL) -> None:
    """Stores a loss, durable on return. Raises `FileExistsError` if one is already recorded."""
    path = loss_path(root, loss.name)
    if not publish_new(disk, path, encode_loss(loss), root):
        raise FileExistsError(f"{path}: a loss is already recorded")
