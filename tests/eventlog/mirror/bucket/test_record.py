"""Commit records: encoding and decoding are inverse, and what contradicts itself is refused."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.files.lost_segments import Loss
from eventlog.format.manifest import Manifest, digest
from eventlog.mirror.bucket.record import (
    MAX_LINKS,
    MAX_RECORD_BYTES,
    CommitRecord,
    encode_record,
    has_room,
    link_digest,
    parse_record,
    read_link,
)
from tests.eventlog.mirror.links import lost_link, record_of, sealed_link

SHA = "ab" * 32


@given(
    st.integers(0, 9_999_999_999),
    st.text(max_size=20),
    st.dictionaries(st.from_regex("[0-9a-f]{64}", fullmatch=True), st.integers(0, 1 << 40)),
    st.lists(st.sampled_from([sealed_link(), lost_link()]), min_size=1, max_size=3),
)
def test_a_record_is_decoded_as_it_was_encoded(
    number: int, host: str, assets: dict[str, int], links: list[object]
) -> None:
    record = msgspec.structs.replace(
        record_of(number=number, previous=SHA if number else None),
        host=host,
        assets=tuple(sorted(assets.items())),
        links=tuple(links),
    )
    data = encode_record(record)

    assert parse_record(data, "here") == record
    assert data.count(b"\n") == 1 and data.endswith(b"\n")


def test_the_members_of_a_record_have_their_documented_names_and_order() -> None:
    members = json.loads(encode_record(record_of()))

    assert list(members) == ["v", "archive", "pusher", "n", "prev", "at", "host", "links", "assets"]
    assert list(members["links"][0]) == ["kind", "role", "machine", "file"]


@given(st.data())
def test_a_changed_byte_is_noticed_or_changes_a_value(data: st.DataObject) -> None:
    encoded = encode_record(record_of())
    at = data.draw(st.integers(0, len(encoded) - 1))
    flipped = encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1 :]

    try:
        assert parse_record(flipped, "here") != record_of()
    except Corrupt as error:
        assert error.what.startswith("here: ")


def _changed(**members: object) -> CommitRecord:
    return msgspec.structs.replace(record_of(), **members)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (_changed(v=2), "expected version 1, found 2: needs a newer hindlog"),
        (_changed(archive="x"), "expected hex digits"),
        (_changed(pusher="AA000001"), "expected hex digits"),
        (_changed(number=1), "number 1 with previous record None"),
        (_changed(previous=SHA), "number 0 with previous record"),
        (_changed(number=-1, previous=SHA), "number -1"),
        (_changed(number=1, previous="ab"), "SHA-256 of the previous record"),
        (_changed(links=()), "expected 1 to 256 links, found 0"),
        (_changed(links=(sealed_link(),) * 257), "found 257"),
        (_changed(assets=(("ab", 1),)), "SHA-256 and size of each asset"),
        (_changed(assets=((SHA, -1),)), "SHA-256 and size of each asset"),
        (_changed(assets=((SHA, 1), (SHA, 1))), "each once"),
        (_changed(assets=((SHA, 1), ("aa" * 32, 1))), "in order"),
        (_changed(at="2026-11-21T05:00:00Z"), "expected an instant"),
        (_changed(at="soon"), "expected an instant"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(record: CommitRecord, problem: str) -> None:
    with pytest.raises(Corrupt, match=problem):
        parse_record(encode_record(record), "here")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b"\xff",
        encode_record(record_of())[:-1],
        encode_record(record_of()) + b"\n",
        encode_record(record_of()).replace(b'"v":1', b'"v": 1'),
        encode_record(record_of()).replace(b'"v":1', b'"v":1,"more":2'),
    ],
)
def test_only_one_spelling_of_a_record_is_accepted(data: bytes) -> None:
    with pytest.raises(Corrupt, match="here: expected"):
        parse_record(data, "here")


def test_a_link_contains_a_manifest_or_a_loss() -> None:
    sealed, lost = sealed_link(), lost_link(lost=SHA)
    manifest, loss = read_link(sealed, "here"), read_link(lost, "here")

    assert isinstance(manifest, Manifest) and isinstance(loss, Loss)
    assert link_digest(sealed, manifest) == digest(sealed.file.encode())
    assert link_digest(lost, loss) == SHA


def test_a_link_that_cannot_be_decoded_makes_its_record_invalid() -> None:
    for link, problem in (
        (msgspec.structs.replace(sealed_link(), kind="redacted"), "needs a newer hindlog"),
        (msgspec.structs.replace(sealed_link(), kind="lost"), "expected the record of a loss"),
        (msgspec.structs.replace(sealed_link(), file="\ud800"), "expected"),
        (
            msgspec.structs.replace(lost_link(), file=lost_link().file.replace(":", "/", 1)),
            "expected the record of a loss",
        ),
    ):
        record = _changed(links=(link,))
        with pytest.raises(Corrupt, match=problem):
            read_link(link, "here")
        if link.file.isascii():
            with pytest.raises(Corrupt, match=problem):
                parse_record(encode_record(record), "here")


def test_a_record_takes_links_up_to_its_limits_and_always_one() -> None:
    assert has_room(0, 0, MAX_RECORD_BYTES + 1)
    assert has_room(1, 1, MAX_RECORD_BYTES - 1) and not has_room(1, 1, MAX_RECORD_BYTES)
    assert has_room(MAX_LINKS - 1, 0, 1) and not has_room(MAX_LINKS, 0, 1)
