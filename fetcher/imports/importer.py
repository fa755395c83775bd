"""Importing: responses recorded elsewhere become events at their own time.

    recorded, by time ──> parts ──> endpoint recognised ──> known? ──> one run, one write

One segment is open at any time, and an hour is sealed before the next is opened, so
that an import of years leaves a chain in the order of time.
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
from eventlog.write.writer import SEGMENT_BYTES, Build, roll, wait_sealed
from fetcher.imports.bare_json import Inner, by_line, dressed
from fetcher.imports.envelope import Part, inner_responses, parse_part
from fetcher.imports.files import Container, Recorded, Refuse, containers, in_order, time_of
from fetcher.imports.git_history import git_containers
from fetcher.imports.import_report import ImportProgress, ImportReport
from fetcher.record.journal import (
    Journal,
    close_journal,
    of_drafts,
    open_journal,
    page_build,
    write,
)
from fetcher.record.page_events import Observed, anomaly
from fetcher.source import Endpoint, Params, Source, match_url, url_of, without_secrets
from fetcher.split.response import Parts, Place, Response, take_apart
from fetcher.state.imported_pages import (
    Imported,
    close_imported,
    is_imported,
    open_imported,
    page_key,
)


@attrs.define
class _Import:
    source: Source
    endpoint: str | None
    parts: tuple[Part, ...]
    journal: Journal
    imported: Imported
    told: ImportReport


@attrs.frozen
class _Answer:
    """A recorded response that is not in the log yet."""

    endpoint: Endpoint
    params: Params
    inner: Inner


def import_paths(
    root: Path,
    source: Source,
    paths: Sequence[Path],
    *,
    writer: str,
    endpoint: str | None = None,
    parts: Sequence[str] = (),
    observed_at: int | None = None,
    time_from: str = "name",
    now: Clock,
    report: ImportProgress = lambda told: None,
) -> ImportReport:
    """Import every response among the paths; durable and sealed when this returns.

    `parts`: where the responses of an envelope lie, see `import_parts`. Law: any order
    and any portions of the same input give the same answers at every instant, and a
    second import adds nothing. Raises `Invalid` where a time is missing.
    """
    return import_recorded(
        root,
        source,
        find_recorded(paths, observed_at, time_from),
        writer=writer,
        endpoint=endpoint,
        parts=tuple(map(parse_part, parts)),
        now=now,
        report=report,
    )


def import_recorded(
    root: Path,
    source: Source,
    found: Sequence[Container],
    *,
    writer: str,
    endpoint: str | None = None,
    parts: tuple[Part, ...] = (),
    now: Clock,
    segment_bytes: int = SEGMENT_BYTES,
    report: ImportProgress = lambda told: None,
    stopped: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """The same, of responses that were found already; as many as come before `stopped`."""
    journal = open_journal(root, source.name, writer, clock=now, segment_bytes=segment_bytes)
    try:
        imported = open_imported(root, source.name, writer)
        told = ImportReport(expected=sum(each.count for each in found))
        work = _Import(source, endpoint, parts, journal, imported, told)
        try:
            for recorded in in_order(found):
                if stopped():
                    break
                _import_one(work, recorded)
                report(work.told)
        finally:
            close_imported(imported)
    finally:
        close_journal(journal, seal_open=True)
    return work.told


def find_recorded(
    paths: Sequence[Path],
    observed_at: int | None,
    time_from: str,
    refuse: Refuse | None = None,
) -> list[Container]:
    """Every response among the paths, with its time; `refuse` as in `containers`."""
    if time_from == "git" and observed_at is None:
        return git_containers(list(paths))
    return containers(paths, time_of(time_from, observed_at), refuse)


def _import_one(work: _Import, recorded: Recorded) -> None:
    work.told = attrs.evolve(work.told, responses=work.told.responses + 1)
    fresh = [answer for inner in _inner(work, recorded) for answer in _fresh(work, recorded, inner)]
    if not fresh:
        return
    _leave_hour(work.journal, recorded.observed_at)
    place = _place(recorded)
    results: list[tuple[Parts, Observed]] = []
    builds = [_build(work, place, answer, results) for answer in fresh]
    if work.journal.stream.segment is None:
        wait_sealed(work.journal.stream)  # one segment is open at any time
    run: Build = lambda first_seq, now: [_run(place, len(results))]  # noqa: E731
    write(work.journal, [*builds, run], recorded.observed_at)
    for parts, observed in results:
        _count(work, parts, observed)


def _inner(work: _Import, recorded: Recorded) -> Sequence[Inner]:
    if recorded.endpoint is not None:
        return [Inner(url_of("", recorded.endpoint, recorded.params), recorded.body)]
    if work.parts:
        return [each for text in _texts(recorded) for each in _parts(work, recorded, text)]
    if recorded.first_line is None:
        return [dressed(work.source, recorded.body, work.endpoint)]
    found = list(by_line(work.source, recorded.body, recorded.first_line, work.endpoint))
    none = [each for each in found if not isinstance(each, Inner)]
    if none:
        more = f" (and {len(none) - 1} more lines)" if len(none) > 1 else ""
        _refuse(work, recorded, f"line {none[0][0]}{more}: {none[0][1]}")
    return [each for each in found if isinstance(each, Inner)]


def _texts(recorded: Recorded) -> list[bytes]:
    if recorded.first_line is None:
        return [recorded.body]
    return [line for line in recorded.body.split(b"\n") if line.strip()]


def _parts(work: _Import, recorded: Recorded, text: bytes) -> Sequence[Inner]:
    try:
        by_part = inner_responses(text, work.parts)
        matched = {part.text for part, responses in by_part.items() if responses}
        work.told = attrs.evolve(work.told, matched_parts=work.told.matched_parts | matched)
        found = [each for responses in by_part.values() for each in responses]
        return [dressed(work.source, each.body, each.endpoint) for each in found]
    except NotJson as problem:
        _refuse(work, recorded, str(problem))
        return []


def _fresh(work: _Import, recorded: Recorded, inner: Inner) -> list[_Answer]:
    """The response, unless it is in the log, or nobody knows what it answers."""
    try:
        endpoint, params = _recognise(work.source, inner)
    except Invalid as error:
        _refuse(work, recorded, error.what)
        return []
    key = page_key(endpoint.path, params, recorded.observed_at, digest(inner.body))
    if is_imported(work.imported, key, as_page=recorded.endpoint is not None):
        work.told = attrs.evolve(work.told, already=work.told.already + 1)
        return []
    work.imported.fresh.add(key)
    return [_Answer(endpoint, params, inner)]


def _refuse(work: _Import, recorded: Recorded, why: str) -> None:
    name = recorded.file + (f"/{recorded.member}" if recorded.member else "")
    work.told = attrs.evolve(work.told, refused=(*work.told.refused, f"{name}: {why}"))


def _recognise(source: Source, inner: Inner) -> tuple[Endpoint, Params]:
    """Which endpoint answered, and to what. Raises `Invalid`."""
    if inner.endpoint is not None:
        endpoint, params = match_url(source, source.base_url, inner.endpoint)
        if not params and ":" in endpoint.path:
            params = dict(endpoint.recognise(inner.body) or {})
        url_of("", endpoint.path, params)
        return endpoint, without_secrets(params)
    for each in source.endpoints:
        if (found := each.recognise(inner.body)) is not None:
            return each, found
    raise Invalid(
        f"no answer of {source.name} looks like this: {inner.body[:40]!r}…",
        "name its endpoint: --endpoint PATH",
    )


def _leave_hour(journal: Journal, at: int) -> None:
    """Begin to seal the open hour if this instant is of another."""
    held = journal.stream.segment
    is_other_hour = held is not None and held.name.starts_at != hour_start(at)
    if is_other_hour or at < journal.stream.last_observed:
        roll(journal.stream)


def _place(recorded: Recorded) -> Place:
    """One run for everything that was recorded together, the same whoever imports it."""
    named = f"{recorded.observed_at} {digest(recorded.body)}".encode()
    names = {"file": recorded.file, "member": recorded.member, "commit": recorded.commit}
    return Place(
        run=f"import.{hashlib.sha256(named).hexdigest()[:32]}",
        epoch=epoch_of(recorded.observed_at),
        imported={name: value for name, value in names.items() if value is not None},
    )


def _build(
    work: _Import, place: Place, answer: _Answer, results: list[tuple[Parts, Observed]]
) -> Build:
    endpoint, params = answer.endpoint, answer.params
    response = Response(
        url=url_of(work.source.base_url, endpoint.path, params),
        endpoint=endpoint.path,
        params=params,
        status=200,
        body=answer.inner.body,
    )
    provenance = {**(place.imported or {}), **answer.inner.provenance}
    place = attrs.evolve(place, scope=endpoint.scope(params), imported=provenance)
    try:
        parts = take_apart(response, endpoint.rules(params))
    except NotJson as problem:
        work.told = attrs.evolve(work.told, anomalies=work.told.anomalies + 1)
        return of_drafts(anomaly(response, place, f"not_json: {problem}", work.journal.put))
    if answer.inner.is_whole:
        place = _numbered(place, endpoint, params, parts)
    return page_build(
        work.journal, response, place, parts, lambda found: results.append((parts, found))
    )


def _numbered(place: Place, endpoint: Endpoint, params: Params, parts: Parts) -> Place:
    """A listing that came whole is complete; a part of one proves nothing."""
    if endpoint.continues is None:
        return place
    page = endpoint.continues(parts.envelope, params, len(parts.entities))
    is_first = not {"cursor", "page", "offset"} & params.keys()
    return attrs.evolve(
        place,
        page_no=1 if is_first else None,
        is_last=page.is_end and is_first,
        next_url=page.next_url,
    )


def _count(work: _Import, parts: Parts, observed: Observed) -> None:
    told = work.told
    work.told = attrs.evolve(
        told,
        pages=told.pages + 1,
        entities=told.entities + len(parts.entities),
        stored=told.stored + observed.stored,
        unchanged=told.unchanged + observed.unchanged,
        anomalies=told.anomalies + len(parts.misfits),
    )


def _run(place: Place, pages: int) -> Draft:
    members = {"state": "completed" if pages else "failed", "listing": "import", "pages": pages}
    return Draft(kind=RUN, run=place.run, epoch=place.epoch, members=members)
