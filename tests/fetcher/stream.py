"""A stream that tests of presence write page by page: listings, probes, refusals."""

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
from tests.fetcher.making import WRITER, Hand

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
    clock: Hand = attrs.field(factory=Hand)
    writer: str = WRITER
    run: str = "run-1"

    def append_batches(self, *answers: tuple[Response, PageContext]) -> None:
        journal = open_journal(self.root, self.source.name, self.writer, clock=self.clock)
        try:
            for response, place in answers:
                self.write_page(journal, response, place)
        finally:
            close_journal(journal)

    def write_page(self, journal: Journal, response: Response, place: PageContext) -> None:
        rules = self.source.endpoint(response.endpoint).rules(response.params)
        parts = split_response(response, rules)
        append_batches(
            journal, [page_batch(journal, response, place, parts, lambda observed: None)]
        )

    def say(self, **members: Any) -> None:
        """Put one event of no page into the log."""
        journal = open_journal(self.root, self.source.name, self.writer, clock=self.clock)
        append_batches(journal, [batch_of(Draft(run=self.run, epoch="2026-11-21T05", **members))])
        close_journal(journal)

    def lists(
        self, *ids: str, params: Params = NOTHING, page_no: int = 1, last: bool = True, **place: Any
    ) -> None:
        """A page of a listing."""
        endpoint = self.source.endpoint(MODELS if self.source is OPENROUTER else "/models")
        name = "data" if self.source is OPENROUTER else "items"
        body = orjson.dumps({name: [{"id": id_} for id_ in ids]})
        scope = place.pop("scope", endpoint.scope(params))
        self.answers(endpoint.path, params, 200, body, scope=scope, page_no=page_no, last=last)

    def answers(
        self, path: str, params: Params, status: int, body: bytes = b"{}", **place: Any
    ) -> None:
        last = place.pop("last", False)
        response = Response(
            url="http://127.0.0.1/x", endpoint=path, params=params, status=status, body=body
        )
        where = PageContext(run=self.run, epoch="2026-11-21T05", is_last=last, **place)
        self.append_batches((response, where))

    def probe(self, listing: str) -> None:
        """Begin a run that probes."""
        self.say(kind=RUN, members={"state": "created", "listing": listing})

    def presence(self) -> Presence:
        return open_presence(self.root, self.source, self.writer)
