"""What a check reads: shares that cover everything, samples, and what is recent."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog.clock import HOUR, parse_us
from eventlog.mirror.bucket.names import AssetObject
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.check.choice import ReadSample, ReadShare, choose_since
from eventlog.mirror.history.spool import Spool
from eventlog.mirror.local.ledger import Ledger
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, record_of, sealed_link

names = st.lists(st.text(min_size=1), unique=True)


@given(names, st.integers(1, 5))
def test_all_shares_together_contain_every_name_once(chosen: list[str], total: int) -> None:
    shares = [ReadShare(number, total) for number in range(1, total + 1)]

    for name in chosen:
        assert sum(share.contains(name) for share in shares) == 1


@given(names, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_contains_a_smaller_one(chosen: list[str], a: float, b: float) -> None:
    small, large = ReadSample(min(a, b)), ReadSample(max(a, b))

    for name in chosen:
        assert large.contains(name) >= small.contains(name)
        assert ReadSample(1.0).contains(name) and not ReadSample(0.0).contains(name)


def test_the_size_of_a_sample_is_its_share() -> None:
    sample = ReadSample(0.25)

    assert 450 < sum(sample.contains(f"log/{number}") for number in range(2000)) < 550


def test_what_was_written_since_an_instant_is_chosen(tmp_path: Path) -> None:
    first = replace(record_of(sealed_link(1, 3)), assets=(("ab" * 32, 1), ("cd" * 32, 1)))
    later = replace(
        first,
        number=1,
        previous="ab" * 32,
        at=first.at.replace("T05", "T09"),
        assets=(("cd" * 32, 1),),
    )
    since = parse_us(first.at) + 2 * HOUR
    path = tmp_path / "records"
    path.write_bytes(encode_record(first) + encode_record(later))
    is_chosen = choose_since(Spool(path, Ledger("file:///b", ARCHIVE, PUSHER)), since)

    assert is_chosen(str(AssetObject("cd" * 32))) and not is_chosen(str(AssetObject("ab" * 32)))
    assert is_chosen("log/openrouter/2026-11-21/07-1a2b3c4d-000.ndjson.zst")
    assert not is_chosen("log/openrouter/2026-11-21/06-1a2b3c4d-000.manifest.json")
    assert not is_chosen(f"mirror/{PUSHER}/0000000001.json")
    assert choose_since(Spool(path, Ledger("", ARCHIVE, PUSHER)), None)("hindlog.json")
