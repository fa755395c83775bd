"""Events of each kind with a value for every member, and the rows of `log.events` for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from eventlog.format.event import ANOMALY, ENTITY, GONE, PAGE, PAGE_FAILED, RUN, Draft
from tests.projector.conftest import WRITER

SEGMENT = f"openrouter/2026-11-01/00-{WRITER}-000"
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)

BODY = Draft(
    kind=ENTITY,
    run="run-1",
    epoch="2026-11-01T00",
    type="endpoint",
    id="a#t",
    parent_type="model",
    parent_id="a",
    shape="list?x=1",
    endpoint="/endpoints",
    hash="c1:1",
    repaired=True,
    body=b'{"tag":"t"}',
)
RESPONSE = Draft(
    kind=PAGE,
    run="run-1",
    epoch="2026-11-01T00",
    endpoint="/models/:id/endpoints",
    params={"id": "a"},
    members={
        "url": "https://one",
        "status": 200,
        "ms": 12.5,
        "bytes": 321,
        "sha256": "ab12",
        "scope": "/a",
        "page_no": 3,
        "last": True,
        "roster": {"/x": [("endpoint", "a#t", 1)], "/y/*": [("model", "b", 1), ("model", "c", 1)]},
        "shapes": {"/x": "list?x=1", "/y/*": "list"},
    },
)
FAILED_PAGE = Draft(
    kind=PAGE_FAILED,
    run="run-1",
    endpoint="/models",
    members={"url": "https://two", "status": 503, "error": "too busy", "scope": "/b", "page_no": 1},
)
ANOMALOUS = Draft(
    kind=ANOMALY,
    run="run-1",
    epoch="2026-11-01T00",
    endpoint="/models",
    members={"reason": "not_json", "url": "https://three", "status": 201, "bytes": 4},
)
TOMBSTONE = Draft(
    kind=GONE,
    run="run-1",
    type="model",
    id="z",
    endpoint="/models/:id",
    members={"url": "https://four", "status": 404, "evidence": [{"status": 404}]},
)
FAILED_RUN = Draft(
    kind=RUN,
    run="run-1",
    epoch="2026-11-01T00",
    endpoint="/models",
    members={"state": "failed", "listing": "models", "pages": 7, "entities": 9, "why": "no key"},
)
ASSET_BODY = Draft(
    kind=ENTITY, type="model", id="big", shape="list", hash="c1:2", body_asset="f" * 64
)


DETAIL = Draft(
    kind=PAGE,
    members={"scope": "/c", "roster": {"": [("model", "d", 7)]}, "shapes": {"": "detail"}},
)

COMMON: dict[str, Any] = {
    "source": "openrouter",
    "writer": WRITER,
    "segment": SEGMENT,
    "repaired": False,
}
_RUN = {"run": "run-1", "epoch": "2026-11-01T00"}
EVENTS: list[dict[str, Any]] = [
    {
        **COMMON,
        **_RUN,
        "observed_at": BEGIN,
        "seq": 1,
        "kind": "entity",
        "type": "endpoint",
        "id": "a#t",
        "parent_type": "model",
        "parent_id": "a",
        "shape": "list?x=1",
        "endpoint": "/endpoints",
        "hash": "c1:1",
        "repaired": True,
    },
    {
        **COMMON,
        **_RUN,
        "observed_at": BEGIN,
        "seq": 2,
        "kind": "page",
        "endpoint": "/models/:id/endpoints",
        "url": "https://one",
        "status": 200,
    },
    {
        **COMMON,
        "run": "run-1",
        "observed_at": BEGIN + timedelta(minutes=15),
        "seq": 3,
        "kind": "page_failed",
        "endpoint": "/models",
        "url": "https://two",
        "status": 503,
        "why": "too busy",
    },
    {
        **COMMON,
        **_RUN,
        "observed_at": BEGIN + timedelta(minutes=30),
        "seq": 4,
        "kind": "anomaly",
        "endpoint": "/models",
        "url": "https://three",
        "status": 201,
        "why": "not_json",
    },
    {
        **COMMON,
        "run": "run-1",
        "observed_at": BEGIN + timedelta(minutes=45),
        "seq": 5,
        "kind": "gone",
        "type": "model",
        "id": "z",
        "endpoint": "/models/:id",
        "url": "https://four",
        "status": 404,
        "why": '[{"status":404}]',
    },
    {
        **COMMON,
        **_RUN,
        "observed_at": BEGIN + timedelta(minutes=45),
        "seq": 6,
        "kind": "run",
        "endpoint": "/models",
        "state": "failed",
        "listing": "models",
        "pages": 7,
        "entities": 9,
        "why": "no key",
    },
    {
        **COMMON,
        "observed_at": BEGIN + timedelta(minutes=45),
        "seq": 7,
        "kind": "entity",
        "type": "model",
        "id": "big",
        "shape": "list",
        "hash": "c1:2",
    },
    {**COMMON, "observed_at": BEGIN + timedelta(minutes=45), "seq": 8, "kind": "page"},
]
