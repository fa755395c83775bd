"""The law of the semilattice: every road to a view gives what the slow model gives."""

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR, format_us
from eventlog.event import observed_us
from projector import changes, compact, keyframes
from projector.checks import check
from projector.definition import FOLDER, load, parse
from projector.update import update
from tests.projector import slow
from tests.projector.logs import T0, Gone, Page, Seen, write_log

THINGS = parse(
    """-- shop.things: things of a test
-- types: thing
-- shapes: list* detail*
-- key: id VARCHAR
-- columns:
--   value  /value  int
SELECT * FROM event
""",
    "shop",
    "things",
)
DEFINITIONS = (
    THINGS,
    *(load(FOLDER / "log" / f"{name}.sql") for name in ("sightings", "pages", "events")),
)
WRITERS = ("0000000a", "0000000b", "ffffffff")

things = st.builds(
    lambda id, value, shape: Seen("thing", id, {"id": id, "value": value}, shape),
    st.sampled_from("abc"),
    st.integers(0, 2),
    st.sampled_from(["list", "list", "list", "detail"]),
)
instants = st.integers(0, 9).map(lambda half: T0 + half * HOUR // 2)
pages = st.builds(
    Page,
    at=instants,
    entities=st.lists(things, max_size=3, unique_by=lambda each: each.id),
    run=st.sampled_from(["r1", "r2", "r3"]),
    scope=st.sampled_from(["/x", "/x", "/y", None]),
    page_no=st.sampled_from([1, 1, 1, 2, 3, None]),
    last=st.booleans(),
)
gones = st.builds(Gone, at=instants, type=st.just("thing"), id=st.sampled_from("abc"))
portions = st.lists(
    st.tuples(st.sampled_from(WRITERS), st.lists(pages | pages | pages | gones, max_size=6)),
    min_size=1,
    max_size=4,
)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(compact, "MOST_PARTS", 2)
    monkeypatch.setattr(keyframes, "LEAST_ROWS", 0)
    monkeypatch.setattr(changes, "MOST_FILES", 1)
    monkeypatch.setattr(changes, "MOST_BODIES", 4)


@given(portions, st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_views_of_a_log_that_grows_in_any_order_are_those_of_the_slow_model(log, seal):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "log").mkdir()
        for writer, happenings in log:
            write_log(root, "shop", writer, happenings, seal=seal)
            assert update(root, definitions=DEFINITIONS).failed == ()
        lines = slow.read_lines(root, "shop")

        _agrees(root, lines)
        assert check(root, definitions=DEFINITIONS) == []


def _agrees(root: Path, lines: list) -> None:
    shown = duckdb.connect(str(root / "views" / "hindlog.duckdb"), read_only=True)
    shown.execute("SET TimeZone = 'Asia/Tokyo'")
    try:
        for instant in sorted({observed_us(line) for line in lines}):
            expected = slow.view_at(lines, instant)
            _agrees_at(shown, instant, expected)
        found = shown.execute(
            "SELECT id, _shape, epoch_us(valid_from), epoch_us(valid_to), _hash "
            "FROM shop.things_versions"
        ).fetchall()
        assert sorted(found, key=str) == sorted(slow.versions(lines), key=str)
    finally:
        shown.close()


def _agrees_at(shown, instant: int, expected: dict) -> None:
    text = format_us(instant)
    present = shown.execute("SELECT id, _hash FROM shop.things_at(?)", [text]).fetchall()
    every = shown.execute(
        "SELECT id, _hash, epoch_us(_absent_since) FROM shop.things_all_at(?)", [text]
    ).fetchall()
    assert sorted(present) == sorted(
        (id_, state.hash) for id_, state in expected.items() if state.absent_since is None
    )
    assert sorted(every) == sorted(
        (id_, state.hash, state.absent_since) for id_, state in expected.items()
    )
