"""Notices about entities that disappear or reappear, and tombstones.

    complete listing, compared with the one before ──> `unlisted`, `back` (notices)
    suspect ──> probes by later syncs ──> enough refusals over enough time ──> `gone`

A suspect is an entity that is missing from its listings or was refused once. Neither a listing
nor a single refusal makes it gone: a tombstone names all refusals that prove it.
"""

from collections.abc import Iterator, Sequence

import attrs

from eventlog.clock import DAY, parse_us
from eventlog.format.event import BACK, GONE, UNLISTED, Draft
from eventlog.write.writer import BuildBatch
from fetcher.source import Params, Probe, request_digest
from fetcher.split.response import PageContext
from fetcher.state.presence import (
    Presence,
    Refusal,
    answered_at,
    earlier_names,
    ever_listed,
    ever_refused,
    find_refusals,
    gone_among,
    missing_since,
    refresh_presence,
)
from fetcher.state.scope_changes import NO_CHANGES, Name, ScopeChanges, find_changes

_REPEAT_PROBE_US = 7 * DAY
"""A suspect that answers a probe, and so exists, is probed again after this time."""


def listing_notices(
    presence: Presence, place: PageContext, endpoint: str, names: Sequence[Name], at: str
) -> list[Draft]:
    """Returns the notices of a page that arrived at an instant: the entities that a complete
    listing makes absent or shows again, and those that return after their `gone` event, on
    whatever page."""
    changes = _changes_of_completed(presence, place, names, at)
    returned = [name for name in _returned(presence, names) if name not in changes.returned]
    return [
        Draft(
            kind=kind,
            run=place.run,
            epoch=place.epoch,
            type=type_,
            id=id_,
            endpoint=endpoint,
            members={"scope": place.scope},
        )
        for kind, changed in ((UNLISTED, changes.absent), (BACK, (*changes.returned, *returned)))
        for type_, id_ in changed
    ]


def _changes_of_completed(
    presence: Presence, place: PageContext, names: Sequence[Name], at: str
) -> ScopeChanges:
    """Returns what a listing changes; nothing unless the page completes it."""
    if place.scope is None or place.page_no is None or not place.is_last:
        return NO_CHANGES
    if place.page_no > 1:
        refresh_presence(presence)
    earlier = earlier_names(presence.db, place.run, place.scope, place.page_no)
    if earlier is None:
        return NO_CHANGES
    listed = [*earlier, *names]
    changes = find_changes(presence.db, place.scope, at, listed)
    if changes == NO_CHANGES:
        return changes
    refresh_presence(presence)  # another scope may have shown an entity since
    return find_changes(presence.db, place.scope, at, listed)


def _returned(presence: Presence, names: Sequence[Name]) -> list[Name]:
    """Returns those of the entities that have a tombstone and were not seen after it."""
    if not gone_among(presence, names):
        return []
    refresh_presence(presence)  # another page of this run may have shown them already
    gone = gone_among(presence, names)
    return [name for name in dict.fromkeys(names) if name in gone]


_MANY = 20
"""Number of entities from which on an emptied list is reported."""


def describe_emptied(
    place: PageContext, names: Sequence[Name], notices: Sequence[Draft]
) -> str | None:
    """Returns a sentence about a complete list that is empty after many entities; else None."""
    lost = sum(draft.kind == UNLISTED for draft in notices)
    if names or place.page_no != 1 or lost < _MANY:
        return None
    return f"{place.scope}: upstream returned an empty list; it had {lost} entities before"


def with_drafts_first(first: Sequence[Draft], build: BuildBatch) -> BuildBatch:
    """Returns the builder of a batch that begins with these events. The page event stays the
    last one, since it marks the batch as complete."""
    return lambda first_seq, at: [*first, *build(first_seq + len(first), at)]


@attrs.frozen
class Suspect:
    """An entity that may be gone."""

    id: str
    params: Params
    refusals: tuple[Refusal, ...]
    missing_since: str | None


def is_proven_gone(probe: Probe, refusals: Sequence[Refusal]) -> bool:
    """Whether these refusals, oldest first, prove that the entity is gone. Pure."""
    if len(refusals) < probe.refusals_needed:
        return False
    return parse_us(refusals[-1].at) - parse_us(refusals[0].at) >= probe.min_span_us


def is_due(probe: Probe, refused: str | None, answered: str | None, now: int) -> bool:
    """Whether a suspect must be probed now, given its last refusal and its last answer since
    it is missing. Pure."""
    if refused is not None:
        return now - parse_us(refused) >= probe.min_span_us // max(1, probe.refusals_needed - 1)
    return answered is None or now - parse_us(answered) >= _REPEAT_PROBE_US


def due_probes(presence: Presence, probe: Probe, now: int) -> list[Params]:
    """Returns the distinct probes that a sync sends, at most `Probe.max_requests`; suspects
    that were refused before come first."""
    refresh_presence(presence)
    due: dict[bytes, tuple[bool, Params]] = {}
    for suspect in _suspects(presence, probe):
        refused = suspect.refusals[-1].at if suspect.refusals else None
        answered = answered_at(presence, probe.path, suspect.params, suspect.missing_since or "")
        if is_due(probe, refused, answered, now) and not is_proven_gone(probe, suspect.refusals):
            due.setdefault(request_digest(suspect.params), (refused is None, suspect.params))
    ordered = sorted(due.values(), key=lambda entry: entry[0])
    return [params for _, params in ordered[: probe.max_requests]]


def gone_events(presence: Presence, probe: Probe, run: str, epoch: str) -> list[Draft]:
    """Returns a tombstone for every suspect that is proven gone, with the refusals as evidence."""
    refresh_presence(presence)
    return [
        Draft(
            kind=GONE,
            run=run,
            epoch=epoch,
            type=probe.type,
            id=suspect.id,
            endpoint=probe.path,
            params=suspect.params,
            members={
                "url": suspect.refusals[-1].url,
                "status": suspect.refusals[-1].status,
                "missing_since": suspect.missing_since,
                "evidence": [attrs.asdict(refusal) for refusal in suspect.refusals],
            },
        )
        for suspect in _suspects(presence, probe)
        if is_proven_gone(probe, suspect.refusals)
    ]


def _suspects(presence: Presence, probe: Probe) -> Iterator[Suspect]:
    """Yields the entities that are missing from their listings; where listings do not prove
    absence, those that were refused."""
    for id_, since in _suspect_ids(presence, probe):
        params = probe.request(id_)
        if params is not None:
            evidence = find_refusals(presence, probe.path, params, since or "")
            yield Suspect(id_, params, tuple(evidence), since)


def _suspect_ids(presence: Presence, probe: Probe) -> Iterator[tuple[str, str | None]]:
    if not probe.by_listing:
        yield from ((id_, None) for id_ in ever_refused(presence, probe))
        return
    for id_ in ever_listed(presence, probe.type):
        name = probe.parent(id_) if probe.parent else (probe.type, id_)
        since = missing_since(presence, name) if name else None
        if since is not None:
            yield id_, since
