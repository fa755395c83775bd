"""Tiny Parquet files with the columns that row caches and views read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from eventlog.clock import format_us
from projector.engine.sql_text import literal
from projector.views.script import HIDDEN
from tests.projector.logs import hours
from tests.projector.shared_connection import shared_connection

Row = Mapping[str, Any]

SIGHTING = {
    "_position": "UUID",
    "_at": "TIMESTAMPTZ",
    "_writer": "VARCHAR",
    "_type": "VARCHAR",
    "_id": "VARCHAR",
    "_shape": "VARCHAR",
    "_scope": "VARCHAR",
    "_listing": "BOOLEAN",
    "_gone": "BOOLEAN",
    "_seq": "BIGINT",
}
"""Columns of sightings, with their types."""
PAGE = {
    "_position": "UUID",
    "observed_at": "TIMESTAMPTZ",
    "writer": "VARCHAR",
    "kind": "VARCHAR",
    "run": "VARCHAR",
    "scope": "VARCHAR",
    "page_no": "INTEGER",
    "last": "BOOLEAN",
}
"""Columns of pages that presence reads."""
BODY = {
    **dict.fromkeys(HIDDEN, "VARCHAR"),
    "_position": "UUID",
    "_seq": "BIGINT",
    "_body_at": "TIMESTAMPTZ",
    "value": "BIGINT",
}
"""Columns of bodies of things."""
PIECE = {**BODY, "_row": "INTEGER"}
"""Columns of bodies with several rows."""
KNOWN = {
    "_seen_at": "TIMESTAMPTZ",
    "_first_at": "TIMESTAMPTZ",
    "_last_at": "TIMESTAMPTZ",
    "_absent_since": "TIMESTAMPTZ",
    "_absent_because": "VARCHAR",
}
"""Columns of a row cache that bodies do not have."""
START = {
    "_id": "VARCHAR",
    "_writer": "VARCHAR",
    "_seq": "BIGINT",
    "since": "TIMESTAMPTZ",
    "until": "TIMESTAMPTZ",
    "epoch": "VARCHAR",
}
"""Columns of the starts of values."""
CACHED = {**BODY, **KNOWN}
"""Columns of a row cache of things."""


def write_table(path: Path, columns: Mapping[str, str], rows: Iterable[Row] = ()) -> Path:
    """Writes rows to a Parquet file; a value that is not given is NULL. Returns `path`."""
    data = literal(orjson.dumps(list(rows)).decode())
    structure = literal(orjson.dumps([columns]).decode())
    path.parent.mkdir(parents=True, exist_ok=True)
    shared_connection().execute(
        f"COPY (SELECT unnest(from_json({data}, {structure}), max_depth := 2)) "
        f"TO {literal(str(path))} (FORMAT parquet)"
    )
    return path


def sighting(hour: float, id: str, seq: int, **more: Any) -> Row:
    """Returns a sighting of a thing on a page of one detail, which names body `seq`."""
    return {
        "_position": _position(hour, seq),
        "_at": format_us(hours(hour)),
        "_writer": "a",
        "_type": "thing",
        "_id": id,
        "_shape": "list",
        "_listing": False,
        "_gone": False,
        "_seq": seq,
        **more,
    }


def listed(hour: float, id: str, seq: int) -> Row:
    """Returns a sighting on a listing of scope `/x`."""
    return sighting(hour, id, seq, _scope="/x", _listing=True)


def complete_listing(hour: float) -> Row:
    """Returns the only page of a listing of scope `/x`."""
    return page_row(hour, 0, "/x", f"r{hour}", 1, True)


def page_row(hour: float, seq: int, scope: str, run: str, page_no: int, last: bool) -> Row:
    """Returns a page of a listing."""
    return {
        "_position": _position(hour, seq),
        "observed_at": format_us(hours(hour)),
        "writer": "a",
        "kind": "page",
        "run": run,
        "scope": scope,
        "page_no": page_no,
        "last": last,
    }


def body(id: str, seq: int, value: int, **more: Any) -> Row:
    """Returns a row of body `seq`."""
    return {
        "_position": _position(0, seq),
        "_writer": "a",
        "_seq": seq,
        "_body_at": format_us(hours(0)),
        "_type": "thing",
        "_id": id,
        "_shape": "list",
        "value": value,
        **more,
    }


def cached(hour: float, id: str, seq: int, value: int, **more: Any) -> Row:
    """Returns a row of a row cache: a thing that was seen at an hour only, and is present."""
    at = format_us(hours(hour))
    known = {"_seen_at": at, "_first_at": at, "_last_at": at}
    return {**body(id, seq, value), **known, **more}


def start(id: str, seq: int, since: float, until: float) -> Row:
    """Returns the row of a value that was seen from an hour to another, and whose body is `seq`."""
    return {
        "_id": id,
        "_writer": "a",
        "_seq": seq,
        "since": format_us(hours(since)),
        "until": format_us(hours(until)),
        "epoch": f"since {since}",
    }


def _position(hour: float, seq: int) -> str:
    """Returns a position; positions sort by hour, then by seq."""
    return f"{round(hour * 60):08x}-0000-0000-0000-{seq:012x}"
