"""Bodies and responses: the exact bytes, from any segments and assets."""

import hashlib
from pathlib import Path

import pytest

from eventlog.catalog.index import read_index
from eventlog.errors import NotFound
from eventlog.files.assets import put_asset
from eventlog.format.event import ENTITY, HEARTBEAT, Draft
from eventlog.format.line_header import line_header
from eventlog.read import seq_ranges
from eventlog.read.bodies import body_of, lines_by_seq, response_of
from eventlog.read.reader import read_events
from tests.eventlog.making import (
    HOUR,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    page,
    write_hours,
    write_log,
)


@pytest.mark.parametrize("seal", [True, False])
def test_lines_are_read_by_seq_from_several_segments(tmp_path: Path, seal: bool) -> None:
    write_hours(tmp_path, 2, 3)
    rows = [entity(n, 400_000) for n in range(9)]
    write_log(tmp_path, [rows], seal=seal, clock=ManualClock(START + 3 * HOUR))

    for seqs in (
        [1],
        [3],
        [4],
        [6],
        [7],
        [15],
        [14, 8, 11],
        [9, 2, 6],
        [1, 3, 4, 6, 7, 9, 10, 12, 13, 15],
    ):
        found = lines_by_seq(tmp_path, SOURCE, WRITER, seqs)
        assert {seq: line_header(line).seq for seq, line in found.items()} == {s: s for s in seqs}
    for missing in (0, 16):
        with pytest.raises(NotFound, match=f"{WRITER}: no event with seq {missing}"):
            lines_by_seq(tmp_path, SOURCE, WRITER, [2, missing])


def test_an_index_that_was_read_before_is_used_for_all_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hours(tmp_path, 2, 3)
    index = read_index(tmp_path, SOURCE)
    write_log(tmp_path, [[entity(7)]], clock=ManualClock(START + 30 * HOUR))
    everything = lines_by_seq(tmp_path, SOURCE, WRITER, range(1, 8))
    monkeypatch.setattr(seq_ranges, "read_index", None)

    first = lines_by_seq(tmp_path, SOURCE, WRITER, range(1, 7), index=index)
    assert first == {seq: everything[seq] for seq in range(1, 7)}
    with pytest.raises(NotFound, match="no event with seq 7"):
        lines_by_seq(tmp_path, SOURCE, WRITER, [7], index=index)


def test_a_body_comes_from_the_line_or_from_its_asset(tmp_path: Path) -> None:
    asset = put_asset(tmp_path, b"large")
    drafts = [
        Draft(kind=ENTITY, type="model", id="1", body=b"null"),
        Draft(kind=ENTITY, type="model", id="2", body=b"null", body_raw=b"NaN"),
        Draft(kind=ENTITY, type="model", id="3", body=b"null", body_asset=asset),
        Draft(kind=ENTITY, type="model", id="4", body_raw=b""),
    ]
    write_log(tmp_path, [[*drafts, Draft(kind=HEARTBEAT)]])
    *lines, heartbeat = [record.line for record in read_events(tmp_path)]

    assert [body_of(tmp_path, line) for line in lines] == [b"null", b"NaN", b"large", b""]
    with pytest.raises(NotFound, match="seq 5: a heartbeat event, which has no body"):
        body_of(tmp_path, heartbeat)


RESPONSE = b'{"data":[{"id":1},{"id":2}]}'


def page_event(response: bytes, **members: object) -> Draft:
    return page(sha256=hashlib.sha256(response).hexdigest(), **members)


def test_a_response_is_joined_from_lines_and_assets(tmp_path: Path) -> None:
    asset = put_asset(tmp_path, b'{"id":2}')
    entities = [
        Draft(kind=ENTITY, type="model", id="1", body=b'{"id":1}'),
        Draft(kind=ENTITY, type="model", id="2", body_asset=asset),
    ]
    roster = {"/data": [["model", "1", 1], ["model", "2", 2]]}
    whole = page_event(RESPONSE, roster=roster)
    write_log(
        tmp_path,
        [
            [
                *entities,
                Draft(kind=whole.kind, members=whole.members, body=b'{"data":[]}'),
                Draft(kind=whole.kind, members=whole.members, body_raw=RESPONSE),
                Draft(
                    kind=whole.kind,
                    members=whole.members,
                    body=b"{}",
                    body_asset=put_asset(tmp_path, RESPONSE),
                ),
            ]
        ],
    )
    pages = [record.line for record in read_events(tmp_path)][2:]

    assert [response_of(tmp_path, line) for line in pages] == [RESPONSE] * 3
