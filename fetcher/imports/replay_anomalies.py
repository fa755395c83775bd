"""Replay: splits recorded anomalies again with the current rules.

A body that could not be split when it arrived may be splittable with the current rules.
It is imported at its own time, and its provenance names the anomaly. The other anomalies
stay as they are.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from eventlog.body.json_spans import NotJson, member_values
from eventlog.clock import Clock
from eventlog.errors import Invalid
from eventlog.files.assets import get_asset
from eventlog.format.event import ANOMALY, Line, observed_us
from eventlog.format.event_codec import decode
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from eventlog.read.rebuild_response import stored_body
from eventlog.write.writer import SEGMENT_BYTES
from fetcher.imports.import_report import ImportReport, OnImportProgress
from fetcher.imports.importer import import_recordings
from fetcher.imports.recordings import RecordedResponse, Recording
from fetcher.imports.responses.bare_json import recognise_request, wrap_document
from fetcher.source import Params, Source
from fetcher.split.response import Response, split_response


def replay_anomalies(
    root: Path,
    source: Source,
    *,
    writer: str,
    now: Clock,
    since: int | None = None,
    until: int | None = None,
    segment_bytes: int = SEGMENT_BYTES,
    on_progress: OnImportProgress = lambda report: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Imports the anomalies observed in [since, until) that can be split now. Idempotent."""
    select = Select(
        since=since,
        until=until,
        sources=frozenset({source.name}),
        kinds=frozenset({ANOMALY}),
    )
    records = [record for record in read_events(root, select) if not _is_misfit(record.line)]
    lines = [decode(record.line) for record in records]
    recordings = [recording for line in lines for recording in _splittable(root, source, line)]
    return import_recordings(
        root,
        source,
        recordings,
        writer=writer,
        now=now,
        segment_bytes=segment_bytes,
        on_progress=on_progress,
        is_stopped=is_stopped,
    )


def _is_misfit(line: bytes) -> bool:
    """Whether an anomaly is a part of a response; the response itself is a page already."""
    return "pointer" in member_values(line, ("pointer",))


def _splittable(root: Path, source: Source, line: Line) -> Iterator[Recording]:
    """Yields the response of an anomaly if the current rules can split it."""
    body = stored_body(line, lambda name: get_asset(root, name))
    if body is None or line.run is None or line.status not in (None, 200):
        return
    try:
        if line.endpoint is None:  # unrecognised when it was imported
            bare = wrap_document(source, body, None)
            endpoint, params = recognise_request(source, bare)
            body = bare.body
        else:
            endpoint, params = source.endpoint(line.endpoint), dict(line.params)
        response = Response(
            url=line.url or "", endpoint=endpoint.path, params=params, status=200, body=body
        )
        split_response(response, endpoint.rules(params))
    except (Invalid, NotJson):
        return
    yield _recording(line, endpoint.path, params, body)


def _recording(line: Line, endpoint: str, params: Params, body: bytes) -> Recording:
    recorded = RecordedResponse(
        observed_at=observed_us(line),
        file=f"{line.source}/{line.writer}",
        member=str(line.seq),
        body=body,
        endpoint=endpoint,
        params=params,
    )
    read: Callable[[], Iterator[RecordedResponse]] = lambda: iter([recorded])  # noqa: E731
    return Recording(recorded.observed_at, 1, read)
