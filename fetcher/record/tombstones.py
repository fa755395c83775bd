"""Lifecycle: what vanished, what came back, and what is gone.

    complete listing, and what its scope held ──> `unlisted`, `back` (notices for people)
    missing, or refused once ──> probed by later syncs ──> refused often and long enough: `gone`

A listing alone never makes anything gone, and neither does one refusal: `gone` names
all the answers that it rests on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from eventlog.clock import DAY, parse_us
from eventlog.format.event import BACK, GONE, UNLISTED, Draft
from eventlog.write.writer import BuildBatch
from fetcher.source import Params, Probe, request_digest
from fetcher.split.response import PageContext
from fetcher.state.presence import (
    Name,
    Presence,
    Refusal,
    answered_at,
    earlier_names,
    ever_listed,
    ever_refused,
    listed_names,
    missing_since,
    refresh_presence,
    refusals,
)

_AGAIN_US = 7 * DAY
"""What is missing from its listings and answers nevertheless is asked for again after this."""


def compare_listing(
    before: Mapping[Name, bool], listed: Iterable[Name]
) -> tuple[tuple[Name, ...], tuple[Name, ...]]:
    """What a complete listing no longer holds, and what it holds again. Pure.

    `before`: everything its scope ever held, and whether the last complete listing did.
    """
    names = dict.fromkeys(listed)
    unlisted = sorted(name for name, was in before.items() if was and name not in names)
    back = [name for name in names if before.get(name) is False]
    return tuple(unlisted), tuple(back)


def listing_notices(
    presence: Presence, place: PageContext, endpoint: str, names: Iterable[Name]
) -> list[Draft]:
    """The notices of a page, nothing unless it makes a listing complete."""
    if place.scope is None or place.page_no is None or not place.is_last:
        return []
    if place.page_no > 1:
        refresh_presence(presence)
    earlier = earlier_names(presence.db, place.run, place.scope, place.page_no)
    if earlier is None:
        return []
    found = compare_listing(listed_names(presence.db, place.scope), [*earlier, *names])
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
        for kind, those in zip((UNLISTED, BACK), found, strict=True)
        for type_, id_ in those
    ]


def with_drafts_first(first: Sequence[Draft], build: BuildBatch) -> BuildBatch:
    """A batch with events before it: the page stays the last one, the mark of a whole batch."""
    return lambda first_seq, at: [*first, *build(first_seq + len(first), at)]


@attrs.frozen
class Suspect:
    """An entity that may be gone."""

    id: str
    params: Params
    refusals: tuple[Refusal, ...]
    missing_since: str | None


def is_proven_gone(probe: Probe, found: Sequence[Refusal]) -> bool:
    """Whether these refusals, oldest first, are enough to say that it is gone. Pure."""
    if len(found) < probe.refusals_needed:
        return False
    return parse_us(found[-1].at) - parse_us(found[0].at) >= probe.min_span_us


def is_due(probe: Probe, refused: str | None, answered: str | None, now: int) -> bool:
    """Whether to ask (again), by when it was last refused and last answered. Pure."""
    if refused is not None:
        return now - parse_us(refused) >= probe.min_span_us // max(1, probe.refusals_needed - 1)
    return answered is None or now - parse_us(answered) >= _AGAIN_US


def due_probes(presence: Presence, probe: Probe, now: int) -> list[Params]:
    """What a sync asks: those refused before first, `most` at most, each request once."""
    refresh_presence(presence)
    due: dict[bytes, tuple[bool, Params]] = {}
    for each in _suspects(presence, probe):
        refused = each.refusals[-1].at if each.refusals else None
        answered = answered_at(presence, probe.path, each.params)
        if is_due(probe, refused, answered, now) and not is_proven_gone(probe, each.refusals):
            due.setdefault(request_digest(each.params), (refused is None, each.params))
    ordered = sorted(due.values(), key=lambda each: each[0])
    return [params for _, params in ordered[: probe.max_requests]]


def gone_events(presence: Presence, probe: Probe, run: str, epoch: str) -> list[Draft]:
    """The entities that are gone by now, with the answers that say so."""
    refresh_presence(presence)
    return [
        Draft(
            kind=GONE,
            run=run,
            epoch=epoch,
            type=probe.type,
            id=each.id,
            endpoint=probe.path,
            params=each.params,
            members={
                "url": each.refusals[-1].url,
                "status": each.refusals[-1].status,
                "missing_since": each.missing_since,
                "evidence": [attrs.asdict(refusal) for refusal in each.refusals],
            },
        )
        for each in _suspects(presence, probe)
        if is_proven_gone(probe, each.refusals)
    ]


def _suspects(presence: Presence, probe: Probe) -> Iterator[Suspect]:
    """Those that their listings miss, or, where none proves anything, that were refused."""
    for id_, since in _missed(presence, probe):
        params = probe.request(id_)
        if params is not None:
            found = refusals(presence, probe.path, params, since or "")
            yield Suspect(id_, params, tuple(found), since)


def _missed(presence: Presence, probe: Probe) -> Iterator[tuple[str, str | None]]:
    if not probe.by_listing:
        yield from ((id_, None) for id_ in ever_refused(presence, probe))
        return
    for id_ in ever_listed(presence, probe.type):
        name = probe.parent(id_) if probe.parent else (probe.type, id_)
        since = missing_since(presence, name) if name else None
        if since is not None:
            yield id_, since
