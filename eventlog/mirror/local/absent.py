"""Which segments are absent: their manifest is here, and their file is in the mirror."""

from pathlib import Path

from eventlog.check.segment_damage import AbsentTest
from eventlog.format.manifest import Manifest
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.ledger import load_ledger
from eventlog.read.cursor import StreamKey


def committed_seqs(root: Path) -> dict[StreamKey, int] | None:
    """Returns the last committed seq of each stream, as the ledger knows it.

    None without a ledger of this archive.
    """
    ledger = load_ledger(root)
    if ledger is None or ledger.archive != read_archive_id(root):
        return None
    return {key: head.last_seq for key, head in ledger.heads.items()}


def absent_test(root: Path) -> AbsentTest:
    """Returns whether a missing file of a segment is in the mirror, as the ledger knows it.

    The function takes the manifest of the segment. Without a ledger nothing is absent.
    """
    seqs = committed_seqs(root) or {}

    def is_absent(manifest: Manifest) -> bool:
        name = manifest.name
        return manifest.last_seq <= seqs.get((name.source, name.writer), 0)

    return is_absent
