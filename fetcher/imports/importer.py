"""Importing: responses that were recorded elsewhere become events at their own time.

    recordings, by time ──> responses ──> endpoint ──> already in the log? ──> one run,
                                                                               one write

Only one segment is open at any time, and an hour is sealed before the next is opened.
The stream of an import is therefore a chain in order of time, however long it is.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.clock import Clock, epoch_of, hour_start
from eventlog.errors import Invalid
from eventlog.format.event import RUN, Draft
from eventlog.format.manifest import digest
from eventlog.write.writer import SEGMENT_BYTES, BuildBatch, roll, wait_sealed
from fetcher.imports.bare_json import (
    BareResponse,
    recognise_request,
    split_lines,
    wrap_document,
)
from fetcher.imports.envelope import EnvelopePart, extract_responses
from fetcher.imports.import_report import ImportReport, OnImportProgress
from fetcher.imports.recordings import (
    RecordedResponse,
    Recording,
    merge_by_time,
)
from fetcher.record.journal import (
    Journal,
    append_batches,
    batch_of,
    close_journal,
    open_journal,
    page_batch,
)
from fetcher.record.page_events import PageEvents, response_anomaly
from fetcher.source import (
    PAGE_CURSOR_PARAMS,
    Continuation,
    Endpoint,
    Params,
    Source,
    url_of,
)
from fetcher.split.doubts import read_continuation
from fetcher.split.response import PageContext, Response, SplitResponse, split_response
from fetcher.state.imported_pages import (
    ImportedPages,
    close_imported_pages,
    is_imported,
    open_imported_pages,
    page_key,
)


@attrs.define
class _Import:
    """State of an import."""

    source: Source
    endpoint: str | None
    parts: tuple[EnvelopePart, ...]
    journal: Journal
    imported: ImportedPages
    report: ImportReport


@attrs.frozen
class _NewResponse:
    """A response that is not in the log yet."""

    endpoint: Endpoint
    params: Params
    bare: BareResponse


def import_recordings(
    root: Path,
    source: Source,
    recordings: Sequence[Recording],
    *,
    writer: str,
    endpoint: str | None = None,
    parts: tuple[EnvelopePart, ...] = (),
    now: Clock,
    segment_bytes: int = SEGMENT_BYTES,
    on_progress: OnImportProgress = lambda report: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Imports recorded responses until `is_stopped`; durable and sealed on return.

    `endpoint` is the endpoint of all responses; None: each is recognised by its body.
    `parts` locates the responses in envelopes. Law: any order and any portions of the same
    input give the same answers at every instant, and importing is idempotent.
    """
    journal = open_journal(root, source.name, writer, clock=now, segment_bytes=segment_bytes)
    try:
        imported = open_imported_pages(root, source.name, writer)
        report = ImportReport(expected=sum(recording.count for recording in recordings))
        state = _Import(source, endpoint, parts, journal, imported, report)
        try:
            for response in merge_by_time(recordings):
                if is_stopped():
                    break
                _import_response(state, response)
                on_progress(state.report)
            else:  # what could not be read is not among the responses
                state.report = attrs.evolve(state.report, expected=state.report.responses)
        finally:
            close_imported_pages(imported)
    finally:
        close_journal(journal, seal_open=True)
    return state.report


def _import_response(state: _Import, recorded: RecordedResponse) -> None:
    state.report = attrs.evolve(state.report, responses=state.report.responses + 1)
    bare_responses = _bare_responses(state, recorded)
    new = [response for bare in bare_responses for response in _new(state, recorded, bare)]
    if not new:
        return
    _roll_to_hour(state.journal, recorded.observed_at)
    place = _place(recorded)
    results: list[tuple[SplitResponse, PageEvents]] = []
    builds = [_build(state, place, response, results) for response in new]
    if state.journal.stream.segment is None:
        wait_sealed(state.journal.stream)  # one segment is open at any time
    run: BuildBatch = lambda first_seq, now: [_run(place, len(results))]  # noqa: E731
    append_batches(state.journal, [*builds, run], recorded.observed_at)
    for parts, observed in results:
        _count(state, parts, observed)


def _bare_responses(state: _Import, recorded: RecordedResponse) -> Sequence[BareResponse]:
    """Returns the responses in a recorded document or chunk of lines."""
    if recorded.endpoint is not None:
        return [BareResponse(url_of("", recorded.endpoint, recorded.params), recorded.body)]
    if state.parts:
        return [bare for text in recorded.documents for bare in _extract(state, recorded, text)]
    if recorded.first_line is None:
        return [wrap_document(state.source, recorded.body, state.endpoint)]
    lines = list(split_lines(state.source, recorded.body, recorded.first_line, state.endpoint))
    refused = [line for line in lines if not isinstance(line, BareResponse)]
    if refused:
        others = f" (and {len(refused) - 1} more lines)" if len(refused) > 1 else ""
        _refuse(state, recorded, f"line {refused[0][0]}{others}: {refused[0][1]}")
    return [line for line in lines if isinstance(line, BareResponse)]


def _extract(state: _Import, recorded: RecordedResponse, text: bytes) -> Sequence[BareResponse]:
    """Returns the responses in an envelope; notes which parts matched."""
    try:
        by_part = extract_responses(text, state.parts)
        matched = {part.text for part, responses in by_part.items() if responses}
        matched_parts = state.report.matched_parts | matched
        state.report = attrs.evolve(state.report, matched_parts=matched_parts)
        return [
            wrap_document(state.source, bare.body, bare.endpoint)
            for responses in by_part.values()
            for bare in responses
        ]
    except NotJson as problem:
        _refuse(state, recorded, str(problem))
        return []


def _new(state: _Import, recorded: RecordedResponse, bare: BareResponse) -> list[_NewResponse]:
    """Returns the response, or nothing if it is in the log or its endpoint is unknown."""
    try:
        endpoint, params = recognise_request(state.source, bare)
    except Invalid as error:
        _refuse(state, recorded, error.what)
        return []
    key = page_key(endpoint.path, params, recorded.observed_at, digest(bare.body))
    if is_imported(state.imported, key, as_page=recorded.endpoint is not None):
        state.report = attrs.evolve(state.report, already=state.report.already + 1)
        return []
    state.imported.added.add(key)
    return [_NewResponse(endpoint, params, bare)]


def _refuse(state: _Import, recorded: RecordedResponse, why: str) -> None:
    name = recorded.file + (f"/{recorded.member}" if recorded.member else "")
    refused = (*state.report.refused, f"{name}: {why}")
    state.report = attrs.evolve(state.report, refused=refused)


def _roll_to_hour(journal: Journal, at: int) -> None:
    """Closes the open segment if it is of another hour, or if its last event is later."""
    segment = journal.stream.segment
    is_other_hour = segment is not None and segment.name.starts_at != hour_start(at)
    if is_other_hour or at < journal.stream.last_observed:
        roll(journal.stream)


def _place(recorded: RecordedResponse) -> PageContext:
    """Returns the place of a recorded response; its run is the same for every importer."""
    content = f"{recorded.observed_at} {digest(recorded.body)}".encode()
    origin = {"file": recorded.file, "member": recorded.member, "commit": recorded.commit}
    return PageContext(
        run=f"import.{hashlib.sha256(content).hexdigest()[:32]}",
        epoch=epoch_of(recorded.observed_at),
        imported={name: value for name, value in origin.items() if value is not None},
    )


def _build(
    state: _Import,
    place: PageContext,
    new: _NewResponse,
    results: list[tuple[SplitResponse, PageEvents]],
) -> BuildBatch:
    """Returns what writes a response: a page with its entities, or an anomaly."""
    endpoint, params = new.endpoint, new.params
    response = Response(
        url=url_of(state.source.base_url, endpoint.path, params),
        endpoint=endpoint.path,
        params=params,
        status=200,
        body=new.bare.body,
    )
    provenance = {**(place.imported or {}), **new.bare.provenance}
    place = attrs.evolve(place, scope=endpoint.scope(params), imported=provenance)
    try:
        parts = split_response(response, endpoint.rules(params))
    except NotJson as problem:
        state.report = attrs.evolve(state.report, anomalies=state.report.anomalies + 1)
        return batch_of(
            response_anomaly(response, place, f"not_json: {problem}", state.journal.put)
        )
    page = read_continuation(endpoint, params, parts)
    _note_doubt(state, place, page)
    if new.bare.is_complete and endpoint.continuation is not None:
        place = _numbered(place, params, page)
    return page_batch(
        state.journal, response, place, parts, lambda observed: results.append((parts, observed))
    )


def _note_doubt(state: _Import, place: PageContext, page: Continuation) -> None:
    if page.doubt is not None:
        doubt = f"{(place.imported or {})['file']}: {page.doubt}"
        state.report = attrs.evolve(state.report, doubtful=(*state.report.doubtful, doubt))


def _numbered(place: PageContext, params: Params, page: Continuation) -> PageContext:
    """Adds page number and end of a listing to the place of its first page; without the pages
    before them, later ones prove nothing."""
    is_first = not PAGE_CURSOR_PARAMS & params.keys()
    return attrs.evolve(
        place,
        page_no=1 if is_first else None,
        is_last=page.is_end and is_first,
        next_url=page.next_url,
    )


def _count(state: _Import, parts: SplitResponse, observed: PageEvents) -> None:
    report = state.report
    state.report = attrs.evolve(
        report,
        pages=report.pages + 1,
        entities=report.entities + len(parts.entities),
        stored=report.stored + observed.stored,
        unchanged=report.unchanged + observed.unchanged,
        anomalies=report.anomalies + len(parts.misfits),
    )


def _run(place: PageContext, pages: int) -> Draft:
    """Returns the `run` event that ends the run of a recorded response."""
    members = {"state": "completed" if pages else "failed", "listing": "import", "pages": pages}
    return Draft(kind=RUN, run=place.run, epoch=place.epoch, members=members)
