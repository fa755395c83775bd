"""Manifests: encoding and decoding are inverse, and contradictory ones are rejected."""

import attrs
import orjson
import pytest

from eventlog.errors import Corrupt
from eventlog.format import manifest as manifests
from eventlog.format.block_stats import block_stats
from eventlog.format.event_codec import encode
from eventlog.format.manifest import Manifest, encode_manifest, parse_manifest, summarize
from eventlog.format.paths import parse_segment
from tests.eventlog.making import SOURCE, WRITER, entity


def block(first: int, rows: int) -> bytes:
    return b"".join(
        encode(
            entity(seq, type_="model" if seq % 2 else "image"),
            source=SOURCE,
            writer=WRITER,
            seq=seq,
            observed_at=f"2026-11-21T05:00:{seq:02d}.000000Z",
        )
        for seq in range(first, first + rows)
    )


def made() -> Manifest:
    name = parse_segment(f"{SOURCE}/2026-11-21/05-{WRITER}-000")
    assert name is not None
    frames = [
        (10, len(lines), block_stats(lines, SOURCE, WRITER, "here"))
        for lines in (block(4, 3), block(7, 2))
    ]
    return summarize(name, frames, "aa", "bb", "cc")


def test_a_manifest_contains_the_sums_of_its_frames() -> None:
    manifest = made()

    assert (manifest.rows, manifest.first_seq, manifest.last_seq) == (5, 4, 8)
    assert manifest.first_observed_at == "2026-11-21T05:00:04.000000Z"
    assert manifest.last_observed_at == "2026-11-21T05:00:08.000000Z"
    assert manifest.types == {"image": 3, "model": 2}
    assert manifest.kinds == {"entity": 5}
    assert [(frame.offset, frame.bytes, frame.rows) for frame in manifest.frames] == [
        (0, 10, 3),
        (10, 10, 2),
    ]
    assert manifest.raw.bytes == sum(frame.raw_bytes for frame in manifest.frames)
    assert manifest.previous == "cc"


def test_a_manifest_names_the_assets_of_all_frames_in_order() -> None:
    rows = block(4, 3)
    stats = block_stats(rows, SOURCE, WRITER, "")
    later = attrs.evolve(stats, first_seq=7, last_seq=9, assets=frozenset({"b", "a"}))
    frames = [(9, 9, attrs.evolve(stats, assets=frozenset({"c", "b"}))), (9, 9, later)]

    assert summarize(made().name, frames, "aa", "bb", None).assets == ("a", "b", "c")
    assert made().assets == ()


def test_a_manifest_of_an_earlier_version_keeps_its_bytes() -> None:
    data = encode_manifest(manifests.without_assets(made()))

    assert b"assets" not in data
    assert encode_manifest(parse_manifest(data, "here")) == data


def test_the_longest_line_of_a_segment_is_that_of_any_frame() -> None:
    name, rows = made().name, block(7, 2)
    frames = [
        (10, len(lines), block_stats(lines, SOURCE, WRITER, "")) for lines in (block(4, 3), rows)
    ]
    longer = attrs.evolve(frames[0][2], longest_line_bytes=999)

    manifest = summarize(name, [(*frames[0][:2], longer), frames[1]], "aa", "bb", None)
    assert manifest.longest_line_bytes == 999


def test_a_segment_of_one_event_has_a_manifest() -> None:
    rows = block(1, 1)
    manifest = summarize(
        made().name, [(10, len(rows), block_stats(rows, SOURCE, WRITER, ""))], "aa", "bb", None
    )

    assert (manifest.first_seq, manifest.last_seq, manifest.first_us) == (1, 1, manifest.last_us)
    with pytest.raises(Corrupt, match="seqs from 0 to 0"):
        parse_manifest(encode_manifest(attrs.evolve(manifest, first_seq=0, last_seq=0)), "here")


def test_parse_manifest_is_the_inverse_of_encode_manifest() -> None:
    assert parse_manifest(encode_manifest(made()), "here") == made()
    assert encode_manifest(parse_manifest(encode_manifest(made()), "here")) == encode_manifest(
        made()
    )
    assert encode_manifest(made()).endswith(b"}\n")


def test_the_seqs_are_near_the_beginning_of_a_manifest() -> None:
    assert manifests.seqs_in(encode_manifest(made())[:300]) == (4, 8)
    assert manifests.seqs_in(b"{") is None


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 6},
        {"first_seq": 5},
        {"last_seq": 9},
        {"format": 2},
        {"segment": "nonsense"},
        {"segment": 5},
        {"raw": {"bytes": 1, "sha256": "aa"}},
        {"zst": {"bytes": 19, "sha256": "bb"}},
        {"frames": []},
        {"frames": None},
        {"first_observed_at": "yesterday"},
        {"last_observed_at": "2026-11-21T04:00:00.000000Z"},
        {"kinds": {"entity": 4}},
        {"types": {"image": 3}},
    ],
)
def test_a_contradictory_manifest_is_rejected(change: dict[str, object]) -> None:
    members = orjson.loads(encode_manifest(made())) | change

    with pytest.raises(Corrupt, match="here"):
        parse_manifest(orjson.dumps(members), "here")


def test_frames_that_are_not_adjacent_are_rejected() -> None:
    first, second = made().frames
    moved = attrs.evolve(made(), frames=(first, attrs.evolve(second, offset=11)))

    with pytest.raises(Corrupt, match="frame 1: expected at byte 10, found at 11"):
        parse_manifest(encode_manifest(moved), "here")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\x00" * 90, encode_manifest(made())[:-20]]
)
def test_truncated_bytes_are_no_manifest(data: bytes) -> None:
    with pytest.raises(Corrupt, match="here"):
        parse_manifest(data, "here")


def test_unknown_members_of_a_manifest_are_ignored() -> None:
    found = orjson.loads(encode_manifest(made())) | {"novelty": 1}

    assert parse_manifest(orjson.dumps(found), "here") == made()


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (block(1, 2) + block(4, 1), "expected seq 3, found 4"),
        (block(1, 2) + block(2, 1), "expected seq 3, found 2"),
        (block(1, 2)[:-1], "line 2 has no line feed"),
        (block(2, 1) + block(1, 1), "expected seq 3, found 1"),
        (block(1, 1) + b"\x00\x00\n", "line 2"),
        (block(1, 1).replace(b"1a2b3c4d", b"1a2b3c4e"), "another stream"),
        (block(1, 2).replace(b"05:00:01", b"05:00:03"), "observed before"),
        (b"", "expected at least one line"),
    ],
)
def test_a_block_that_is_no_sequence_of_events_is_rejected(damaged: bytes, what: str) -> None:
    with pytest.raises(Corrupt, match=what):
        block_stats(damaged, SOURCE, WRITER, "here")


def test_events_in_another_spelling_are_counted_alike() -> None:
    spaced = b"\n".join(
        line.replace(b'{"v":1', b'{ "v": 1', 1) for line in block(1, 3).split(b"\n")
    )
    ours, foreign = (
        block_stats(block(1, 3), SOURCE, WRITER, ""),
        block_stats(spaced, SOURCE, WRITER, ""),
    )

    assert attrs.evolve(foreign, longest_line_bytes=0) == attrs.evolve(ours, longest_line_bytes=0)
