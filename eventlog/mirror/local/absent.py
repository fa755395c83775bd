"""Which segments are absent: their manifest is here, and their file is in the mirror."""

from pathlib import Path

from eventlog.check.verify import AbsentTest
from eventlog.format.manifest import Manifest
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.ledger import load_ledger


def absent_test(root: Path) -> AbsentTest:
    """Returns whether a missing file of a segment is in the mirror, as the ledger knows it.

    The function takes the manifest of the segment. Without a ledger nothing is absent.
    """
    ledger = load_ledger(root)
    heads = ledger.heads if ledger and ledger.archive == read_archive_id(root) else {}

    def is_absent(manifest: Manifest) -> bool:
        head = heads.get((manifest.name.source, manifest.name.writer))
        return head is not None and manifest.last_seq <= head.last_seq

    return is_absent
