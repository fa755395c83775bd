"""Queue commands: add, list, cancel, retry and clean runs, also while a service is running.

Each command appends its events to the stream of the archive's `command` writer, which it
locks for one append. The service reads them from the log. A `Crawler` names the archive, the
writer and the clock.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import attrs

from eventlog.clock import Clock, epoch_of
from eventlog.errors import Invalid
from eventlog.format.event import Draft
from eventlog.write.writer import append, close_stream, open_stream
from fetcher.record.run_events import created_event, decided_event, new_run_id
from fetcher.saved_query import (
    SavedQuery,
    SavedRequest,
    argument_of,
    describe_templates,
    find_template,
)
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.source import Endpoint, Listing, Source, match_url, url_of, without_secrets
from fetcher.state.priority import MANUAL_PRIORITY
from fetcher.state.run_queue import close_queue, find_task, list_tasks, open_queue
from fetcher.state.task import CANCELLED, CLEANED, COMPLETED, FAILED, FINISHED, RETRIED, Task


@attrs.frozen
class RunRequest:
    """What to crawl: a listing or template by its name, or a URL of the source."""

    target: str
    """Name of a listing or of a template, or a URL, or a path below the base URL."""
    argument: str | None = None
    """Argument of the template."""
    params: Mapping[str, str] = attrs.field(factory=dict)
    """Parameters that override those of the listing or template."""
    limit: int | None = None
    """Number of entities after which a run ends; pages are always completed."""
    priority: int = MANUAL_PRIORITY
    """Runs of higher priority are worked on first; those below 0 by the service only."""


def add_runs(crawler: Crawler, upstream: Upstream, request: RunRequest) -> list[Task]:
    """Puts the runs of a request into the queue in one write and returns them.

    A template creates one run per query, anything else one run. Raises `Invalid` if the
    source has no such listing, template or endpoint, or if the template does not accept
    the argument.
    """
    template = _template_of(upstream.source, request)
    overrides = {**argument_of(template, request.argument), **request.params}
    epoch = epoch_of(crawler.now())
    tasks, drafts = [], []
    for query in template.queries:
        endpoint, listing, params = _resolve(upstream, query, overrides)
        name = listing.name if listing else endpoint.path.strip("/").split("/")[0]
        task = Task(
            run=new_run_id(epoch, name or upstream.source.name),
            listing=listing.name if listing else "",
            epoch=epoch,
            url=url_of(upstream.base_url, endpoint.path, params),
            target=request.limit,
            priority=request.priority,
            until_known=template.until_known,
        )
        tasks.append(task)
        drafts.append(created_event(task, endpoint.path, params))
    _append(crawler, upstream.source.name, drafts)
    return tasks


def _template_of(source: Source, request: RunRequest) -> SavedQuery:
    """Returns the requested template; a listing or URL becomes a template of one query."""
    if "/" not in request.target:
        _check_name(source, request.target)
    template = find_template(source.templates, request.target)
    if template is not None:
        return template
    if request.argument is not None:
        known = describe_templates(source.templates)
        raise Invalid(
            f"{source.name} has no template {request.target!r}", f"its templates: {known}"
        )
    return SavedQuery(request.target, (SavedRequest(request.target),))


def _check_name(source: Source, name: str) -> None:
    """Raises `Invalid` if the source has neither a listing nor a template of this name."""
    templates = {template.name for template in source.templates}
    if name in templates or any(listing.name == name for listing in source.listings):
        return
    listings = [listing.name for listing in source.listings if not listing.has_derived_requests]
    hints = [f"its listings: {', '.join(listings)}"]
    hints += [f"its templates: {describe_templates(source.templates)}"] if templates else []
    raise Invalid(f"{source.name} has no listing and no template {name!r}", "\n".join(hints))


def _resolve(
    upstream: Upstream, query: SavedRequest, overrides: Mapping[str, str]
) -> tuple[Endpoint, Listing | None, dict[str, str]]:
    """Returns endpoint, listing (None for a URL) and parameters of a query, without secrets."""
    source = upstream.source
    params = {**query.params, **overrides}
    listing = next((known for known in source.listings if known.name == query.target), None)
    if listing is None:
        endpoint, in_url = match_url(source, upstream.base_url, query.target)
        return endpoint, None, without_secrets({**in_url, **params})
    if listing.has_derived_requests:
        what = f"listing {listing.name!r} takes its requests from other listings of the same sync"
        raise Invalid(what, "hindlog fetch run")
    return source.endpoint(listing.path), listing, without_secrets({**listing.params, **params})


def list_runs(root: Path, source: str, now: Clock, states: Collection[str] = ()) -> list[Task]:
    """Returns the queue of a source in the order in which it is worked on.

    `states` restricts the result; empty: every state.
    """
    queue = open_queue(root, source)
    try:
        return list_tasks(queue, now(), states)
    finally:
        close_queue(queue)


def cancel_run(crawler: Crawler, source: str, run: str) -> Task:
    """Cancels an unfinished run and returns it as it was; its current page is completed.

    Raises `Invalid` if the run is finished.
    """
    return _decide(crawler, source, run, CANCELLED, lambda task: task.state not in FINISHED)


def retry_run(crawler: Crawler, source: str, run: str) -> Task:
    """Queues a failed or cancelled run again, to continue where it stopped.

    Returns the run as it was. Raises `Invalid` if it is in any other state.
    """
    return _decide(crawler, source, run, RETRIED, lambda task: task.state in (FAILED, CANCELLED))


def clean_runs(crawler: Crawler, source: str) -> list[Task]:
    """Removes finished runs from the queue and returns them; their events stay in the log."""
    finished = list_runs(crawler.root, source, crawler.now, (COMPLETED, FAILED, CANCELLED))
    if finished:
        _append(crawler, source, [decided_event(task, CLEANED) for task in finished])
    return finished


def _decide(
    crawler: Crawler, source: str, run: str, decision: str, is_allowed: Callable[[Task], bool]
) -> Task:
    """Appends a decision about a run and returns the run as it was."""
    task = _find(crawler.root, source, run, is_allowed)
    _append(crawler, source, [decided_event(task, decision)])
    return task


def _find(root: Path, source: str, run: str, is_allowed: Callable[[Task], bool]) -> Task:
    """Returns a run of the queue. Raises `Invalid` if its state is not allowed."""
    queue = open_queue(root, source)
    try:
        task = find_task(queue, run)
    finally:
        close_queue(queue)
    if not is_allowed(task):
        raise Invalid(f"run {task.run} is {task.state}", "hindlog fetch list")
    return task


def _append(crawler: Crawler, source: str, drafts: list[Draft]) -> None:
    stream = open_stream(
        crawler.root,
        source,
        crawler.writer,
        clock=crawler.now,
        segment_bytes=crawler.segment_bytes,
        patient=True,
    )
    try:
        append(stream, [lambda first_seq, at: drafts])
    finally:
        close_stream(stream)
