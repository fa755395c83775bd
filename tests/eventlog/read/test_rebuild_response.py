"""Rebuilding a response from its page event, and checking its SHA-256."""

import hashlib
from pathlib import Path

import attrs
import msgspec
import pytest

from eventlog.errors import Corrupt
from eventlog.format.event import Draft, Line
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_events
from eventlog.read.rebuild_response import rebuild, stored_body
from tests.eventlog.making import page, write_log


def page_event(response: bytes) -> Draft:
    """Returns a page without roster, with the SHA-256 of a response."""
    return page(sha256=hashlib.sha256(response).hexdigest())


def rebuilt(page_line: Line) -> bytes:
    """Rebuilds a response without entities and assets."""
    return rebuild(page_line, lambda seq: b"", lambda name: b"")


def test_a_response_with_another_sha_256_than_the_page_is_corrupt(tmp_path: Path) -> None:
    write_log(tmp_path, [[page_event(b"other"), page(), page_event(b"")]])
    other, without, empty = [decode(record.line) for record in read_events(tmp_path)]

    assert rebuilt(empty) == b""
    with pytest.raises(Corrupt, match=r"seq 1: rebuilt a response with SHA-256 e3b0c44298fc1c14"):
        rebuilt(other)
    with pytest.raises(Corrupt, match="expected None"):
        rebuilt(without)


def test_a_page_without_roster_has_its_body_as_response(tmp_path: Path) -> None:
    draft = page_event(b'{"data":[]}')
    write_log(tmp_path, [[attrs.evolve(draft, body=b'{"data":[]}')]])
    (record,) = read_events(tmp_path)

    assert rebuilt(decode(record.line)) == b'{"data":[]}'


def test_the_stored_body_of_an_event_comes_from_its_asset_if_it_has_one() -> None:
    line = Line(v=1, source="s", writer="w", seq=1, observed_at="", kind="entity")

    assert stored_body(line, lambda name: b"") is None
    assert stored_body(msgspec.structs.replace(line, body_asset="ab"), str.encode) == b"ab"
    assert stored_body(msgspec.structs.replace(line, body_raw="TmFO"), str.encode) == b"NaN"


@pytest.mark.parametrize("body", [b"", b'{"other":[]}', b'{"data":"text"', b"7"])
def test_entities_that_do_not_fit_their_page_are_corrupt(body: bytes) -> None:
    entity = (
        b'{"v":1,"source":"s","writer":"w","seq":1,"observed_at":"","kind":"entity",'
        b'"body":{"id":1}}'
    )
    line = Line(v=1, source="s", writer="w", seq=2, observed_at="", kind="page")
    roster = {"/data": [("model", "1", 1)]}
    damaged = msgspec.structs.replace(line, body=msgspec.Raw(body), roster=roster)

    with pytest.raises(Corrupt, match=r"^s, writer w, seq 2: "):
        rebuild(damaged, lambda seq: entity, lambda name: b"")
