"""Replay: quarantined bodies through today's splitter.

What could not be taken apart when it came may be, now that the rules know more. It
becomes events at its own time, as an import does, and its provenance names the anomaly;
what still cannot be taken apart is left where it is.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from eventlog.body.json_spans import NotJson
from eventlog.clock import Clock
from eventlog.errors import Invalid
from eventlog.files.assets import get_asset
from eventlog.format.event import ANOMALY, Line, observed_us
from eventlog.format.event_codec import decode
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from eventlog.read.rebuild_response import stored_body
from eventlog.write.writer import SEGMENT_BYTES
from fetcher.imports.files import Container, Recorded
from fetcher.imports.import_report import ImportProgress, ImportReport
from fetcher.imports.importer import import_recorded
from fetcher.source import Source
from fetcher.split.response import Response, take_apart


def replay(
    root: Path,
    source: Source,
    *,
    writer: str,
    now: Clock,
    since: int | None = None,
    until: int | None = None,
    segment_bytes: int = SEGMENT_BYTES,
    report: ImportProgress = lambda told: None,
    stopped: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Take apart what can be by now; a second replay adds nothing."""
    select = Select(
        since=since,
        until=until,
        sources=frozenset({source.name}),
        kinds=frozenset({ANOMALY}),
    )
    lines = [decode(each.line) for each in read_events(root, select)]
    found = [each for line in lines for each in _healed(root, source, line)]
    return import_recorded(
        root,
        source,
        found,
        writer=writer,
        now=now,
        segment_bytes=segment_bytes,
        report=report,
        stopped=stopped,
    )


def _healed(root: Path, source: Source, line: Line) -> Iterator[Container]:
    """The response of an anomaly, if today's rules can take it apart."""
    body = stored_body(line, lambda name: get_asset(root, name))
    if body is None or line.endpoint is None or line.status not in (None, 200):
        return
    try:
        endpoint = source.endpoint(line.endpoint)
        response = Response(
            url=line.url or "", endpoint=line.endpoint, params=line.params, status=200, body=body
        )
        take_apart(response, endpoint.rules(line.params))
    except (Invalid, NotJson):
        return
    yield _container(line, body)


def _container(line: Line, body: bytes) -> Container:
    recorded = Recorded(
        observed_at=observed_us(line),
        file=f"{line.source}/{line.writer}",
        member=str(line.seq),
        body=body,
        endpoint=line.endpoint,
        params=line.params,
    )
    read: Callable[[], Iterator[Recorded]] = lambda: iter([recorded])  # noqa: E731
    return Container(recorded.observed_at, 1, read)
