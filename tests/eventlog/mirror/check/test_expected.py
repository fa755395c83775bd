"""The objects that records name: sorted, each once, whoever committed them."""

from pathlib import Path

import msgspec

from eventlog.format.manifest import digest
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.check.compare import ExpectedObject
from eventlog.mirror.check.expected import expected_objects, objects_of_record
from eventlog.mirror.history.spool import Spool
from eventlog.mirror.local.ledger import Ledger
from tests.eventlog.making import SOURCE, WRITER
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, lost_link, record_of, sealed_link

ASSET = "ab" * 32


def test_a_record_names_itself_its_assets_and_the_files_of_its_links() -> None:
    sealed, lost = sealed_link(), lost_link(4)
    record = msgspec.structs.replace(record_of(sealed, lost), assets=((ASSET, 7),))
    name = f"log/{SOURCE}/2026-11-21/05-{WRITER}-"

    data = encode_record(record)
    assert list(objects_of_record(record)) == [
        ExpectedObject(f"mirror/{PUSHER}/0000000000.json", len(data), digest(data)),
        ExpectedObject(f"assets/sha256/ab/{ASSET}", 7, ASSET),
        ExpectedObject(f"{name}000.manifest.json", len(sealed.file), digest(sealed.file.encode())),
        ExpectedObject(f"{name}000.ndjson.zst", 40, digest(b"zst")),
        ExpectedObject(f"{name}004.lost.json", len(lost.file), digest(lost.file.encode())),
    ]


def test_what_two_pushers_committed_is_expected_once(tmp_path: Path) -> None:
    records = [record_of(sealed_link(), pusher=pusher) for pusher in (PUSHER, "bb000001")]
    path = tmp_path / "records.ndjson"
    path.write_bytes(b"".join(map(encode_record, records)))

    with expected_objects(Spool(path, Ledger("", ARCHIVE, PUSHER))) as expected:
        names = [item.name for item in expected]

    assert len(names) == 4 and names == sorted(set(names))
