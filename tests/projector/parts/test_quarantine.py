"""Quarantine: a bad line alone is left out and reported, and it stops a rebuild."""

import orjson
import pytest

from eventlog.errors import Invalid, Partial
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.definition import parse_definition
from projector.query.select import run_query
from projector.update.check import check
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import UNSAFE, hours
from tests.projector.projections import chosen

KNOWN = chosen("openrouter.models", "log.quarantine")
SURROGATE = rb'{"name":"\ud800"}'
"""Valid by the grammar of JSON; DuckDB refuses it, and the whole file with it."""
STRICT_TEXT = """-- openrouter.lengths: a definition that fails unless the value is a number
-- types: model
-- shapes: list*
-- key: id VARCHAR
-- columns:
--   told  /context_length  text
SELECT * EXCLUDE (told), CAST(told AS INTEGER) AS length FROM event
"""
STRICT = parse_definition(STRICT_TEXT, "openrouter", "lengths")


def write(root, *hourly: list[bytes], seal: bool = True) -> None:
    """Writes a page per hour with models `0`, `1`, … that have these bodies."""
    stream = open_stream(root, "openrouter", WRITER, clock=lambda: hours(9), disk=UNSAFE)
    for hour, bodies in enumerate(hourly):

        def drafts(seq: int, _at: int, bodies=bodies) -> list[Draft]:
            entities = [
                Draft(kind=ENTITY, type="model", id=str(n), shape="list", hash=f"c1:{n}", body=body)
                for n, body in enumerate(bodies)
            ]
            roster = {"/data": [("model", str(n), seq + n) for n in range(len(bodies))]}
            members = {"roster": roster, "shapes": {"/data": "list"}}
            return [*entities, Draft(kind=PAGE, members=members)]

        append(stream, [drafts], hours(hour))
    close_stream(stream, seal_open=seal)


def names(root):
    return list(run_query(root, "SELECT id, name FROM openrouter.models ORDER BY id").rows)


def good(name: str, **more: object) -> bytes:
    return orjson.dumps({"name": name, **more})


QUARANTINE = "SELECT source, segment, writer, seq, view FROM log.quarantine ORDER BY ALL"


@pytest.mark.parametrize("seal", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_line_that_duckdb_refuses_is_left_out_alone(empty, seal):
    write(empty, [good("a"), SURROGATE, good("c")], [good("a2"), good("b"), SURROGATE], seal=seal)
    done = update(empty, definitions=KNOWN)

    assert names(empty) == [("0", "a2"), ("1", "b")]
    assert done.failed == ()
    assert [each.partition(":")[0] for each in done.quarantined] == [
        "openrouter/2026-11-01/00-0a0b0c0d-000, seq 2",
        "openrouter/2026-11-01/01-0a0b0c0d-000, seq 7",
    ]
    assert list(run_query(empty, QUARANTINE).rows) == [
        ("openrouter", "openrouter/2026-11-01/00-0a0b0c0d-000", WRITER, 2, None),
        ("openrouter", "openrouter/2026-11-01/01-0a0b0c0d-000", WRITER, 7, None),
    ]
    assert update(empty, definitions=KNOWN).quarantined == ()
    assert check(empty, ["openrouter.models"], definitions=KNOWN) == []


def test_a_line_on_which_a_definition_fails_is_left_out_for_that_definition_only(empty):
    lengths = [good(str(n), context_length=n) for n in range(5)]
    lengths[3] = good("3", context_length="many")
    write(empty, lengths)
    done = update(empty, definitions=(*KNOWN, STRICT))
    sql = "SELECT id, length FROM openrouter.lengths ORDER BY id"

    assert list(run_query(empty, sql).rows) == [("0", 0), ("1", 1), ("2", 2), ("4", 4)]
    assert len(names(empty)) == 5
    assert list(run_query(empty, QUARANTINE).rows) == [
        ("openrouter", "openrouter/2026-11-01/00-0a0b0c0d-000", WRITER, 4, "openrouter.lengths")
    ]
    assert len(done.quarantined) == 1


def test_lines_refused_by_a_definition_that_is_gone_are_not_listed(empty):
    write(empty, [good("a", context_length="many")])
    update(empty, definitions=(*KNOWN, STRICT))
    update(empty, definitions=KNOWN)

    assert list(run_query(empty, QUARANTINE).rows) == []


def test_a_rebuild_stops_at_a_line_that_duckdb_refuses_and_keeps_the_old_views(empty):
    write(empty, [good("a"), SURROGATE])
    update(empty, definitions=KNOWN)

    with pytest.raises(Invalid, match=r"00-0a0b0c0d-000, seq 2: refused by DuckDB: .*surrogate"):
        rebuild_views(empty, definitions=KNOWN)
    assert names(empty) == [("0", "a")]


def test_a_rebuild_stops_at_a_line_on_which_a_definition_fails(empty):
    write(empty, [good("a", context_length="many")])

    with pytest.raises(Partial, match=r"00-0a0b0c0d-000, seq 1: refused by openrouter.lengths"):
        rebuild_views(empty, definitions=(*KNOWN, STRICT))


def test_a_definition_that_fails_without_any_line_is_broken_and_no_line_is_refused(empty):
    write(empty, [good("a")])
    broken = parse_definition(
        STRICT_TEXT.replace("CAST(told AS INTEGER)", "nowhere"), "openrouter", "broken"
    )
    done = update(empty, definitions=(*KNOWN, broken))

    assert done.failed
    assert done.quarantined == ()
    assert names(empty) == [("0", "a")]
