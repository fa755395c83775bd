"""Importing: responses that were recorded elsewhere become events at their own time.

    recordings, by time ──> responses ──> endpoint ──> already in the log? ──> one run,
                                                                               one write

Recorded hours are written in order of time and become durable in groups: an import
acknowledges nothing before its report. The stream of an import is a chain in order of time,
however long it is.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs

from eventlog.clock import Clock, epoch_of
from eventlog.files.disk import REAL, Disk
from eventlog.format.event import RUN, Draft
from eventlog.format.manifest import digest
from eventlog.write.group import GROUP_LIMITS, GroupLimits
from eventlog.write.writer import SEGMENT_BYTES, BuildBatch
from fetcher.imports.import_report import (
    ImportReport,
    OnImportProgress,
    add_reason,
    count_content,
    count_page,
    full_name,
)
from fetcher.imports.recordings import RecordedResponse, Recording, merge_by_time
from fetcher.imports.responses.bare_responses import RecordingContent, Unrecognised, read_recording
from fetcher.imports.responses.envelope import EnvelopePart
from fetcher.imports.responses.known_responses import (
    KnownResponse,
    ReadResponse,
    recognise_responses,
    split_known,
)
from fetcher.imports.responses.read_ahead import (
    READ_AHEAD,
    ReadAheadPolicy,
    choose_read_ahead,
    read_ahead,
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
from fetcher.source import PAGE_CURSOR_PARAMS, Continuation, Params, Source
from fetcher.split.last_pages import LastPages
from fetcher.split.response import PageContext, Response, SplitResponse
from fetcher.state.imported_pages import (
    ImportedPages,
    close_imported_pages,
    is_complete,
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
    keep_unrecognized: bool
    ahead: ReadAheadPolicy
    journal: Journal
    imported: ImportedPages
    report: ImportReport = attrs.field(factory=ImportReport)
    last_pages: LastPages = attrs.field(factory=LastPages)


def import_recordings(
    root: Path,
    source: Source,
    recordings: Sequence[Recording],
    *,
    writer: str,
    endpoint: str | None = None,
    parts: tuple[EnvelopePart, ...] = (),
    keep_unrecognized: bool = False,
    now: Clock,
    segment_bytes: int = SEGMENT_BYTES,
    on_progress: OnImportProgress = lambda report: None,
    is_stopped: Callable[[], bool] = lambda: False,
    groups: GroupLimits = GROUP_LIMITS,
    disk: Disk = REAL,
    ahead: ReadAheadPolicy = READ_AHEAD,
) -> ImportReport:
    """Imports recorded responses until `is_stopped`; durable and sealed on return.

    `endpoint` is the endpoint of all responses; None: each is recognised by its body.
    `parts` locates the responses in envelopes. What is not recognised is left out, or with
    `keep_unrecognized` stored as an anomaly. Law: any order and any portions of the same
    input give the same answers at every instant, and importing is idempotent.
    """
    journal = open_journal(
        root,
        source.name,
        writer,
        clock=now,
        segment_bytes=segment_bytes,
        groups=groups,
        disk=disk,
    )
    try:
        imported = open_imported_pages(root, source.name, writer)
        state = _Import(source, endpoint, parts, keep_unrecognized, ahead, journal, imported)
        _import_all(state, recordings, on_progress, is_stopped)
    finally:
        close_journal(journal, seal_open=True)
    return state.report


def _import_all(
    state: _Import,
    recordings: Sequence[Recording],
    on_progress: OnImportProgress,
    is_stopped: Callable[[], bool],
) -> None:
    """Imports recordings until `is_stopped`; closes the index of imported pages."""
    count = sum(recording.count for recording in recordings)
    state.report = ImportReport(recordings=count, expected=count)
    is_named = state.endpoint is not None or bool(state.parts)
    policy = choose_read_ahead(state.source, state.ahead, is_named=is_named)
    try:
        with closing(read_ahead(state.source, merge_by_time(recordings), policy)) as responses:
            for recorded, response in responses:
                if is_stopped():
                    return
                _import_recorded(state, recorded, response)
                on_progress(state.report)
        # what could not be read is not among the responses
        state.report = attrs.evolve(state.report, expected=state.report.responses)
    finally:
        close_imported_pages(state.imported)


def _import_recorded(
    state: _Import, recorded: RecordedResponse, response: KnownResponse | None
) -> None:
    """Imports a recorded document or chunk of lines: one run, one write.

    `response`: the document, if it was read ahead.
    """
    content, known, unrecognised = _read(state, recorded, response)
    state.report = count_content(state.report, recorded, content)
    place = _place(recorded)
    results: list[tuple[SplitResponse, PageEvents]] = []
    builds = [
        *(build for each in known for build in _builds(state, recorded, place, each, results)),
        *(build for each in unrecognised for build in _keep(state, recorded, place, each)),
    ]
    if not builds:
        return
    run: BuildBatch = lambda first_seq, now: [_run(place, len(results))]  # noqa: E731
    append_batches(state.journal, [*builds, run], recorded.observed_at)
    for parts, observed in results:
        state.report = count_page(state.report, parts, observed)


def _read(
    state: _Import, recorded: RecordedResponse, response: KnownResponse | None
) -> tuple[RecordingContent, list[KnownResponse], list[Unrecognised]]:
    """Returns what a recording contains, the known responses in it, and what is not recognised."""
    if response is not None:
        return RecordingContent([response.bare]), [response], []
    content = read_recording(state.source, recorded, state.endpoint, state.parts)
    return content, *recognise_responses(state.source, content, state.last_pages)


def _builds(
    state: _Import,
    recorded: RecordedResponse,
    place: PageContext,
    known: KnownResponse,
    results: list[tuple[SplitResponse, PageEvents]],
) -> list[BuildBatch]:
    """Returns what writes a response, a page or an anomaly; nothing if it is in the log."""
    body = known.bare.body
    sha256 = recorded.sha256 if body is recorded.body else digest(body)
    key = page_key(known.endpoint.path, known.params, recorded.observed_at, sha256)
    if is_complete(state.imported, key):
        state.report = attrs.evolve(state.report, already=state.report.already + 1)
        return []
    response = known.response(state.source)
    result = split_known(known, response, state.last_pages, sha256)
    name = full_name(recorded)
    if isinstance(result, str):
        state.report = add_reason(state.report, "quarantined", f"{name}: {result}")
    elif result.page.doubt is not None:
        state.report = add_reason(state.report, "doubtful", f"{name}: {result.page.doubt}")
    if _is_imported(state, key, as_page=recorded.endpoint is not None):
        return []
    place = _place_of_page(place, known, result)
    if isinstance(result, str):
        return [_anomaly(state, response, place, result)]
    parts = result.parts
    record = partial(_record, results, parts)
    return [page_batch(state.journal, response, place, parts, record)]


def _record(
    results: list[tuple[SplitResponse, PageEvents]], parts: SplitResponse, observed: PageEvents
) -> None:
    results.append((parts, observed))


def _keep(
    state: _Import, recorded: RecordedResponse, place: PageContext, unrecognised: Unrecognised
) -> list[BuildBatch]:
    """Returns what stores an unrecognised body as an anomaly, if that is asked for."""
    reason = f"{full_name(recorded)}: {unrecognised.reason}"
    if not state.keep_unrecognized:
        report = add_reason(state.report, "refused", reason)
        left_out = report.left_out + unrecognised.count
        state.report = attrs.evolve(report, left_out=left_out)
        return []
    state.report = add_reason(state.report, "quarantined", reason)
    key = page_key("", {}, recorded.observed_at, digest(unrecognised.body))
    if _is_imported(state, key, as_page=False, count=unrecognised.count):
        return []
    response = Response(url="", endpoint="", params={}, status=0, body=unrecognised.body)
    provenance = {**(place.imported or {}), **unrecognised.provenance}
    place = attrs.evolve(place, imported=provenance)
    return [_anomaly(state, response, place, unrecognised.reason, count=unrecognised.count)]


def _is_imported(state: _Import, key: bytes, *, as_page: bool, count: int = 1) -> bool:
    """Returns whether the log contains a response, which is then counted; else marks it."""
    if is_imported(state.imported, key, as_page=as_page):
        state.report = attrs.evolve(state.report, already=state.report.already + count)
        return True
    state.imported.added.add(key)
    return False


def _anomaly(
    state: _Import, response: Response, place: PageContext, reason: str, count: int = 1
) -> BuildBatch:
    report = state.report
    state.report = attrs.evolve(report, kept=report.kept + count, anomalies=report.anomalies + 1)
    return batch_of(response_anomaly(response, place, reason, state.journal.put))


def _place(recorded: RecordedResponse) -> PageContext:
    """Returns the place of a recorded response; its run is the same for every importer."""
    content = f"{recorded.observed_at} {recorded.sha256}".encode()
    origin = {"file": recorded.file, "member": recorded.member, "commit": recorded.commit}
    return PageContext(
        run=f"import.{hashlib.sha256(content).hexdigest()[:32]}",
        epoch=epoch_of(recorded.observed_at),
        imported={name: value for name, value in origin.items() if value is not None},
    )


def _place_of_page(
    place: PageContext, known: KnownResponse, result: ReadResponse | str
) -> PageContext:
    """Adds scope, origin, page number and end of a listing to the place of a response."""
    place = attrs.evolve(
        place,
        scope=known.endpoint.scope(known.params),
        imported={**(place.imported or {}), **known.bare.provenance},
    )
    is_listing = known.bare.is_complete and known.endpoint.continuation is not None
    if isinstance(result, str) or not is_listing:
        return place
    return _numbered(place, known.params, result.page)


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


def _run(place: PageContext, pages: int) -> Draft:
    """Returns the `run` event that ends the run of a recorded response."""
    members = {"state": "completed" if pages else "failed", "listing": "import", "pages": pages}
    return Draft(kind=RUN, run=place.run, epoch=place.epoch, members=members)
