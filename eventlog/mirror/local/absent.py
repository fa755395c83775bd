"""Which segments are absent: their manifest is here, and their file is in the mirror."""

from pathlib import Path

from eventlog.check.verify import AbsentTest
from eventlog.format.manifest import Manifest
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.ledger import load_ledger
from eventlog.read.cursor import StreamKey


def absent_test(root: Path) -> AbsentTest:
    """Returns whether a missing file of a segment is in the mirror, as the ledger knows it.

    The function takes the manifest of the segment. Without a ledger nothing is absent.
    """
    seqs = _mirrored_seqs(root)

    def is_absent(manifest: Manifest) -> bool:
        return manifest.last_seq <= seqs.get((manifest.name.source, manifest.name.writer), 0)

    return is_absent


def mirrored_seq(root: Path, source: str, writer: str) -> int:
    """Returns the seq up to which the mirror has a stream, as the ledger knows it; else 0."""
    return _mirrored_seqs(root).get((source, writer), 0)


def _mirrored_seqs(root: Path) -> dict[StreamKey, int]:
    ledger = load_ledger(root)
    if ledger is None or ledger.archive != read_archive_id(root):
        return {}
    return {key: head.last_seq for key, head in ledger.heads.items()}
