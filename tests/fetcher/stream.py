"""A stream that tests write page by page: listings, probes, refusals."""

from pathlib import Path
from typing import Any

import attrs
import orjson

from eventlog.format.event import RUN, Draft
from fetcher.record.journal import (
    Journal,
    append_batches,
    batch_of,
    close_journal,
    open_journal,
    page_batch,
)
from fetcher.source import Params, Source
from fetcher.sources import SOURCES
from fetcher.split.response import PageContext, Response, split_response
from fetcher.state.presence import Presence, open_presence
from tests.fetcher.making import WRITER, SteppingClock

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]
NOTHING: Params = {}
ALL = {"output_modalities": "all"}
MODELS = "/api/v1/models"
MODEL = "/api/v1/model/:author/:slug"
DETAIL = "/models/:id"


@attrs.define
class Log:
    """A stream that is written page by page, and its presence."""

    root: Path
    source: Source
    clock: SteppingClock = attrs.field(factory=SteppingClock)
    writer: str = WRITER
    run: str = "run-1"

    def append_batches(self, *responses: tuple[Response, PageContext]) -> None:
        """Appends each response in its place, as a batch of its own."""
        journal = open_journal(self.root, self.source.name, self.writer, clock=self.clock)
        try:
            for response, place in responses:
                self.write_page(journal, response, place)
        finally:
            close_journal(journal)

    def write_page(self, journal: Journal, response: Response, place: PageContext) -> None:
        rules = self.source.endpoint(response.endpoint).rules(response.params)
        parts = split_response(response, rules)
        append_batches(
            journal, [page_batch(journal, response, place, parts, lambda observed: None)]
        )

    def append_event(self, **members: Any) -> None:
        """Appends one event other than a page."""
        journal = open_journal(self.root, self.source.name, self.writer, clock=self.clock)
        append_batches(journal, [batch_of(Draft(run=self.run, epoch="2026-11-21T05", **members))])
        close_journal(journal)

    def append_listing(
        self, *ids: str, params: Params = NOTHING, page_no: int = 1, last: bool = True, **place: Any
    ) -> None:
        """Appends a page of a listing."""
        endpoint = self.source.endpoint(MODELS if self.source is OPENROUTER else "/models")
        name = "data" if self.source is OPENROUTER else "items"
        body = orjson.dumps({name: [{"id": id_} for id_ in ids]})
        scope = place.pop("scope", endpoint.scope(params))
        self.append_response(
            endpoint.path, params, 200, body, scope=scope, page_no=page_no, last=last
        )

    def append_response(
        self, path: str, params: Params, status: int, body: bytes = b"{}", **members: Any
    ) -> None:
        """Appends a response; `members` are fields of its `PageContext`."""
        last = members.pop("last", False)
        response = Response(
            url="http://127.0.0.1/x", endpoint=path, params=params, status=status, body=body
        )
        place = PageContext(run=self.run, epoch="2026-11-21T05", is_last=last, **members)
        self.append_batches((response, place))

    def begin_probing(self, listing: str) -> None:
        """Appends the creation of a probing run."""
        self.append_event(kind=RUN, members={"state": "created", "listing": listing})

    def open_presence(self) -> Presence:
        """Opens the index of presence of this stream."""
        return open_presence(self.root, self.source, self.writer)
