"""Importing: responses recorded elsewhere become events at their own time.

    recorded, by time ──> endpoint recognised ──> known? ──> one batch each, its own run

One segment is open at any time, and an hour is sealed before the next is opened, so
that an import of years leaves a chain in the order of time.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from eventlog.clock import Clock, epoch_of, hour_start
from eventlog.errors import Invalid
from eventlog.event import RUN, Draft
from eventlog.manifest import digest
from eventlog.scan import NotJson
from eventlog.writer import Build, roll, wait_sealed
from fetcher.import_files import Recorded, containers, in_order, time_of
from fetcher.imported import Imported, close_imported, is_imported, open_imported, page_key
from fetcher.journal import Journal, close_journal, of_drafts, open_journal, page_build, write
from fetcher.observe import Observed, Parts, Place, Response, anomaly, take_apart
from fetcher.source import Endpoint, Params, Source, match_url, url_of


@attrs.frozen(kw_only=True)
class ImportReport:
    """What came of an import, or has so far."""

    expected: int = 0
    """Responses there are."""
    responses: int = 0
    """Responses looked at."""
    pages: int = 0
    already: int = 0
    """Responses that were in the log."""
    entities: int = 0
    stored: int = 0
    unchanged: int = 0
    anomalies: int = 0
    refused: tuple[str, ...] = ()
    """Responses of no known endpoint, and what they were."""


ImportProgress = Callable[[ImportReport], None]


@attrs.define
class _Import:
    root: Path
    source: Source
    endpoint: str | None
    journal: Journal
    imported: Imported
    told: ImportReport


def import_paths(
    root: Path,
    source: Source,
    paths: Sequence[Path],
    *,
    writer: str,
    endpoint: str | None = None,
    observed_at: int | None = None,
    time_from: str = "name",
    now: Clock,
    report: ImportProgress = lambda told: None,
) -> ImportReport:
    """Import every response among the paths; durable and sealed when this returns.

    Law: any order and any portions of the same input give the same answers at every
    instant, and a second import adds nothing. Raises `Invalid` where a time is missing.
    """
    found = containers(paths, time_of(time_from, observed_at))
    journal = open_journal(root, source.name, writer, clock=now)
    try:
        imported = open_imported(root, source.name, writer)
        expected = sum(each.count for each in found)
        work = _Import(root, source, endpoint, journal, imported, ImportReport(expected=expected))
        try:
            for recorded in in_order(found):
                _import_one(work, recorded)
                report(work.told)
        finally:
            close_imported(imported)
    finally:
        close_journal(journal, seal_open=True)
    return work.told


def _import_one(work: _Import, recorded: Recorded) -> None:
    work.told = attrs.evolve(work.told, responses=work.told.responses + 1)
    try:
        endpoint, params = _recognise(work, recorded.body)
    except Invalid as error:
        name = recorded.file + (f"/{recorded.member}" if recorded.member else "")
        work.told = attrs.evolve(work.told, refused=(*work.told.refused, f"{name}: {error.what}"))
        return
    sha256 = digest(recorded.body)
    key = page_key(endpoint.path, params, recorded.observed_at, sha256)
    if is_imported(work.imported, key):
        work.told = attrs.evolve(work.told, already=work.told.already + 1)
        return
    _leave_hour(work.journal, recorded.observed_at)
    _write(work, recorded, endpoint, params, key)
    work.imported.fresh.add(key)


def _recognise(work: _Import, body: bytes) -> tuple[Endpoint, Params]:
    """Which endpoint answered, and to what. Raises `Invalid`."""
    if work.endpoint is not None:
        endpoint, params = match_url(work.source, work.source.base_url, work.endpoint)
        if not params and ":" in endpoint.path:
            params = dict(endpoint.recognise(body) or {})
        url_of("", endpoint.path, params)
        return endpoint, params
    for each in work.source.endpoints:
        found = each.recognise(body)
        if found is not None:
            return each, found
    raise Invalid(
        f"no answer of {work.source.name} looks like this: {body[:40]!r}…",
        "name its endpoint: --endpoint PATH",
    )


def _leave_hour(journal: Journal, at: int) -> None:
    """Begin to seal the open hour if this instant is of another."""
    held = journal.stream.segment
    is_other_hour = held is not None and held.name.starts_at != hour_start(at)
    if is_other_hour or at < journal.stream.last_observed:
        roll(journal.stream)


def _append(journal: Journal, builds: Sequence[Build], at: int) -> None:
    """Append once the hour before is sealed: one segment is open at any time."""
    if journal.stream.segment is None:
        wait_sealed(journal.stream)
    write(journal, builds, at)


def _write(
    work: _Import, recorded: Recorded, endpoint: Endpoint, params: Params, key: bytes
) -> None:
    response = Response(
        url=url_of(work.source.base_url, endpoint.path, params),
        endpoint=endpoint.path,
        params=params,
        status=200,
        body=recorded.body,
    )
    place = _place(recorded, endpoint, params, f"import.{key.hex()}")
    try:
        parts = take_apart(response, endpoint.rules(params))
    except NotJson as problem:
        draft = anomaly(response, place, f"not_json: {problem}", work.journal.put)
        _append(work.journal, [of_drafts(draft)], recorded.observed_at)
        work.told = attrs.evolve(work.told, anomalies=work.told.anomalies + 1)
        return
    place = _numbered(place, endpoint, params, parts)
    result: list[Observed] = []
    page = page_build(work.journal, response, place, parts, result.append)
    run = of_drafts(_run(place, response, len(parts.entities)))
    _append(work.journal, [page, run], recorded.observed_at)
    _count(work, parts, result[-1])


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


def _place(recorded: Recorded, endpoint: Endpoint, params: Params, run: str) -> Place:
    names = {"file": recorded.file, "member": recorded.member, "commit": recorded.commit}
    return Place(
        run=run,
        epoch=epoch_of(recorded.observed_at),
        scope=endpoint.scope(params),
        imported={name: value for name, value in names.items() if value is not None},
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


def _run(place: Place, response: Response, entities: int) -> Draft:
    return Draft(
        kind=RUN,
        run=place.run,
        epoch=place.epoch,
        endpoint=response.endpoint,
        params=response.params,
        members={"state": "completed", "listing": "import", "pages": 1, "entities": entities},
    )
