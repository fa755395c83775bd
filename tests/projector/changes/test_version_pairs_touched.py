"""Entities of which nothing new was seen are not examined; the pairs and starts are the same."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import attrs
import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventlog.clock import MINUTE, format_us, parse_us
from projector.changes.value_starts import _find
from projector.changes.version_pairs import History, _write_pairs, find_touched
from projector.engine.connections import connect
from projector.engine.sql_text import list_literal
from projector.limits import LIMITS
from tests.extent import few_or_all

START = parse_us("2026-11-21T05:00:00Z")
IDS = ("1", "2", "3")
LISTED, INCOMPLETE, DETAIL, GONE = "listed", "incomplete", "detail", "gone"

COLUMNS = {
    "sightings": "_position UUID, _at TIMESTAMPTZ, _writer TEXT, _type TEXT, _id TEXT, _shape TEXT,"
    " _scope TEXT, _listing BOOLEAN, _gone BOOLEAN, _seq BIGINT",
    "pages": "_position UUID, observed_at TIMESTAMPTZ, kind TEXT, scope TEXT, run TEXT,"
    " writer TEXT, page_no BIGINT, last BOOLEAN",
    "events": "_position UUID, observed_at TIMESTAMPTZ, writer TEXT, seq BIGINT, kind TEXT,"
    " type TEXT, id TEXT, shape TEXT, hash TEXT, segment TEXT, epoch TEXT",
}


@attrs.frozen
class Response:
    """What one response shows."""

    kind: str
    writer: int
    pause: int
    """Minutes after the response before it; 0 for the same instant."""
    scope: str
    bodies: dict[str, str]
    """Hash of the body of each entity."""
    is_stored: bool
    """Whether bodies are stored again that did not change."""


responses = st.builds(
    Response,
    st.sampled_from([LISTED, LISTED, LISTED, INCOMPLETE, DETAIL, GONE]),
    st.integers(1, 2),
    st.sampled_from([0, 1, 1, 60]),
    st.sampled_from("aab"),
    st.dictionaries(st.sampled_from(IDS), st.sampled_from("xxy"), max_size=3),
    st.sampled_from([False, False, False, True]),
)


@attrs.define
class Tables:
    """Rows of the views of the log, as the responses give them."""

    rows: dict[str, list[tuple[object, ...]]] = attrs.field(
        factory=lambda: {name: [] for name in COLUMNS}
    )
    at: int = START
    seqs: dict[int, int] = attrs.field(factory=dict)
    stored: dict[tuple[int, str, str], tuple[str, int]] = attrs.field(factory=dict)

    def place(self, writer: int) -> tuple[UUID, str, str, int]:
        """Returns position, instant, writer and seq of the next event."""
        seq = self.seqs[writer] = self.seqs.get(writer, 0) + 1
        return UUID(int=self.at << 72 | writer << 40 | seq), format_us(self.at), f"{writer}", seq

    def add(self, response: Response, number: int) -> None:
        """Adds the events of a response, and the sightings in it."""
        self.at += response.pause * MINUTE
        shape = "detail" if response.kind == DETAIL else "list"
        if response.kind == GONE:
            for name in [*response.bodies][:1]:
                position, at, writer, seq = self.place(response.writer)
                row = (position, at, writer, "t", name, None, None, False, True, seq)
                self.rows["sightings"].append(row)
            return
        for name, body in response.bodies.items():
            key = (response.writer, name, shape)
            if response.is_stored or self.stored.get(key, ("",))[0] != body:
                position, at, writer, seq = self.place(response.writer)
                self.stored[key] = (body, seq)
                event = (position, at, writer, seq, "entity", "t", name, shape, body, "s", "e")
                self.rows["events"].append(event)
                row = (position, at, writer, "t", name, shape, None, False, False, seq)
                self.rows["sightings"].append(row)
        position, at, writer, _ = self.place(response.writer)
        is_listing = response.kind != DETAIL
        scope = response.scope if is_listing else None
        for name in response.bodies:
            _, seq = self.stored[response.writer, name, shape]
            row = (position, at, writer, "t", name, shape, scope, is_listing, False, seq)
            self.rows["sightings"].append(row)
        last = response.kind == LISTED
        page_no = 1 if is_listing else None
        page = (position, at, "page", scope, f"r{number}", writer, page_no, last)
        self.rows["pages"].append(page)


def written(
    connection: duckdb.DuckDBPyConnection, folder: Path, tables: Tables, until: str
) -> History:
    """Writes the rows before an instant to files."""
    folder.mkdir()
    for name, columns in COLUMNS.items():
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
        rows = [row for row in tables.rows[name] if str(row[1]) < until]
        marks = ", ".join("?" for _ in columns.split(","))
        if rows:
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
        connection.execute(f"COPY {name} TO '{folder}/{name}.parquet'")
    lists = [list_literal([folder / f"{name}.parquet"]) for name in COLUMNS]
    return History("s", ("t",), frozenset(), *lists)


Rows = set[tuple[object, ...]]


def read(connection: duckdb.DuckDBPyConnection, path: Path, columns: str) -> Rows:
    return {*connection.execute(f"SELECT {columns} FROM read_parquet('{path}')").fetchall()}


def check_examined(folder: Path, shown: Sequence[Response], cut: int) -> None:
    """Compares what is found among the examined entities with what is found among all."""
    tables = Tables()
    for number, response in enumerate(shown):
        if number == cut:
            tables.at += 1  # since is the begin of an hour: nothing lies on both sides of it
            since = tables.at + response.pause * MINUTE
        tables.add(response, number)
    with contextlib.closing(connect()) as connection:
        history = written(connection, folder / "now", tables, "~")
        before = written(connection, folder / "before", tables, format_us(since))
        connection.execute(
            f"COPY (SELECT ''::TEXT AS type, ''::TEXT AS before_hash, ''::TEXT AS hash LIMIT 0)"
            f" TO '{folder}/diffs.parquet'"
        )
        diffs = list_literal([folder / "diffs.parquet"])
        touched = find_touched(connection, history, since, folder / "touched", LIMITS)
        pairs = {}
        for name, entities in (("all", None), ("touched", touched)):
            target = folder / f"{name}.parquet"
            _write_pairs(connection, history, since, entities, 1, diffs, target, LIMITS)
            pairs[name] = read(connection, target, "before_hash, hash, type")
        ids = {x for (x,) in read(connection, folder / "touched" / "0.parquet", "_id")}
        starts = {}
        for name, source in (("now", history), ("before", before)):
            (folder / f"starts-{name}").mkdir()
            _find(connection, source, None, 1, folder / f"starts-{name}", LIMITS)
            rows = read(connection, folder / f"starts-{name}" / "000000.parquet", "*")
            starts[name] = {row for row in rows if row[0] not in ids}

    assert pairs["touched"] == pairs["all"]
    assert starts["now"] == starts["before"]


def shows(kind: str, body: str, pause: int = 1, writer: int = 1) -> Response:
    """Returns a response with this body of an entity, or without it."""
    return Response(kind, writer, pause, "a", {"1": body} if body else {}, is_stored=False)


AWAY = [shows(LISTED, "x"), shows(DETAIL, "x"), shows(LISTED, ""), shows(DETAIL, "y")]
"""An entity that is missing in a listing, and has another detail meanwhile."""
AGAIN = shows(LISTED, "x", 60)
"""Ends the absence, with a body that was seen before; the detail counts from now on."""


@example([*AWAY, AGAIN], 4)
@example([*AWAY, shows(LISTED, "x"), shows(LISTED, "", 0, 2), AGAIN], 6)
@example([*AWAY, shows(LISTED, "x"), shows(GONE, "x", 0, 2), AGAIN], 6)
@given(st.lists(responses, min_size=3, max_size=12), st.integers(1, 11))
@settings(max_examples=few_or_all(3, 60), deadline=None)
def test_pairs_and_starts_are_those_that_all_entities_give(shown: list[Response], cut: int) -> None:
    with TemporaryDirectory() as folder:
        check_examined(Path(folder), shown, min(cut, len(shown) - 1))
