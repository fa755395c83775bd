"""Errands: what people ask of the queue, also while a service works on it.

Each is one event of the archive's `command` writer, held for one append. The service
reads it from the log.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import attrs

from eventlog.clock import Clock, epoch_of
from eventlog.errors import Invalid
from eventlog.event import Draft
from eventlog.writer import append, close_stream, open_stream
from fetcher.queue import close_queue, find, open_queue, tasks
from fetcher.run import created, decided, new_run_id
from fetcher.source import Source, match_url, url_of, without_secrets
from fetcher.task import CANCELLED, CLEANED, COMPLETED, FAILED, FINISHED, RETRIED, Task
from fetcher.template import Query, Template, argument_of, describe_templates, find_template


def add_run(
    root: Path,
    source: Source,
    what: str,
    *,
    base_url: str,
    writer: str,
    now: Clock,
    params: Mapping[str, str] | None = None,
    limit: int | None = None,
    priority: int = 0,
) -> Task:
    """Put a run into the queue: a listing by its name, or any URL of the source.

    Raises `Invalid` where the source has neither.
    """
    (task,) = add_runs(
        root,
        attrs.evolve(source, templates=()),
        what,
        base_url=base_url,
        writer=writer,
        now=now,
        params=params,
        limit=limit,
        priority=priority,
    )
    return task


def add_runs(
    root: Path,
    source: Source,
    what: str,
    arg: str | None = None,
    *,
    base_url: str,
    writer: str,
    now: Clock,
    params: Mapping[str, str] | None = None,
    limit: int | None = None,
    priority: int = 0,
) -> list[Task]:
    """Put the runs of a template into the queue, in one write; or what `add_run` takes.

    Raises `Invalid` where the source has neither, or the argument is not what it takes.
    """
    if "/" not in what:
        _check_name(source, what)
    template = find_template(source.templates, what)
    if template is None:
        if arg is not None:
            known = describe_templates(source.templates)
            raise Invalid(f"{source.name} has no template {what!r}", f"its templates: {known}")
        template = Template(what, (Query(what),))
    asked = {**argument_of(template, arg), **(params or {})}
    tasks, drafts = [], []
    for query in template.queries:
        task, draft = _planned(
            source, base_url, query.what, {**query.params, **asked}, epoch_of(now())
        )
        is_new = template.until_known
        tasks.append(attrs.evolve(task, target=limit, priority=priority, until_known=is_new))
        drafts.append(draft(tasks[-1]))
    _say(root, source.name, writer, now, drafts)
    return tasks


def _check_name(source: Source, what: str) -> None:
    """Raises `Invalid` for a word that names no listing and no template of the source."""
    templates = {each.name for each in source.templates}
    if what in templates or any(each.name == what for each in source.listings):
        return
    listings = [each.name for each in source.listings if not each.is_led]
    told = [f"its listings: {', '.join(listings)}"]
    told += [f"its templates: {describe_templates(source.templates)}"] if templates else []
    raise Invalid(f"{source.name} has no listing and no template {what!r}", "\n".join(told))


def _planned(
    source: Source, base_url: str, what: str, params: Mapping[str, str], epoch: str
) -> tuple[Task, Callable[[Task], Draft]]:
    """A run, and what puts it into the queue."""
    listing = next((each for each in source.listings if each.name == what), None)
    if listing is not None and listing.is_led:
        raise Invalid(f"{what} is led by other listings: it runs with a sync", "hindlog fetch run")
    if listing is not None:
        endpoint, asked = source.endpoint(listing.path), {**listing.params, **params}
    else:
        endpoint, found = match_url(source, base_url, what)
        asked = {**found, **params}
    asked = without_secrets(asked)
    name = listing.name if listing else endpoint.path.strip("/").split("/")[0] or source.name
    task = Task(
        run=new_run_id(epoch, name),
        listing=listing.name if listing else "",
        epoch=epoch,
        url=url_of(base_url, endpoint.path, asked),
    )
    return task, lambda task: created(task, endpoint.path, asked)


def list_runs(root: Path, source: str, now: Clock, states: Collection[str] = ()) -> list[Task]:
    """The queue of a source, in the order in which it is worked on."""
    queue = open_queue(root, source)
    try:
        return tasks(queue, now(), states)
    finally:
        close_queue(queue)


def cancel_run(root: Path, source: str, run: str, *, writer: str, now: Clock) -> Task:
    """Cancel a run that is not finished. A page under way is finished first."""
    return _decide(
        root, source, run, CANCELLED, lambda task: task.state not in FINISHED, writer, now
    )


def retry_run(root: Path, source: str, run: str, *, writer: str, now: Clock) -> Task:
    """Have a run that failed or was cancelled go on where it stopped."""
    again = (FAILED, CANCELLED)
    return _decide(root, source, run, RETRIED, lambda task: task.state in again, writer, now)


def clean_runs(root: Path, source: str, *, writer: str, now: Clock) -> list[Task]:
    """Tidy away what is finished: it leaves the queue, never the log."""
    found = list_runs(root, source, now, (COMPLETED, FAILED, CANCELLED))
    if found:
        _say(root, source, writer, now, [decided(task, CLEANED) for task in found])
    return found


def _decide(
    root: Path,
    source: str,
    run: str,
    state: str,
    is_allowed: Callable[[Task], bool],
    writer: str,
    now: Clock,
) -> Task:
    queue = open_queue(root, source)
    try:
        task = find(queue, run)
    finally:
        close_queue(queue)
    if not is_allowed(task):
        raise Invalid(f"run {task.run} is {task.state}", "hindlog fetch list")
    _say(root, source, writer, now, [decided(task, state)])
    return task


def _say(root: Path, source: str, writer: str, now: Clock, drafts: list[Draft]) -> None:
    stream = open_stream(root, source, writer, clock=now, patient=True)
    try:
        append(stream, [lambda first_seq, at: drafts])
    finally:
        close_stream(stream)
