"""Reference model of the views: plain Python over all lines, without SQL or parts. Slow."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import zstandard

from eventlog.files.listing import list_segments
from eventlog.format.event import Line, Position, observed_us
from eventlog.format.event_codec import decode


@attrs.frozen
class Sighting:
    """An entity seen at a position; `body` is the (writer, seq) of the event with its bytes."""

    at: Position
    type: str
    id: str
    shape: str | None
    scope: str | None
    is_listing: bool
    body: tuple[str, int]


@attrs.frozen
class Listing:
    """A complete listing of a scope, from its first page to its last."""

    scope: str
    begins: Position
    ends: Position


@attrs.frozen
class State:
    """An entity at an instant."""

    hash: str
    absent_since: int | None
    observed_at: int
    """Since when its value was seen."""


def read_lines(root: Path, source: str) -> list[Line]:
    """Returns all lines of a source, of sealed and open segments."""
    lines: list[bytes] = []
    for segment in list_segments(root, source):
        path = root / "log" / str(segment.name)
        if segment.is_sealed:
            data = zstandard.ZstdDecompressor().stream_reader(
                path.with_name(path.name + ".ndjson.zst").open("rb"), read_across_frames=True
            )
            lines += data.read().splitlines()
        else:
            lines += path.with_name(path.name + ".ndjson").read_bytes().splitlines()
    return [decode(line) for line in lines]


def position(line: Line) -> Position:
    return Position(observed_us(line), line.writer, line.seq)


def sightings(lines: Iterable[Line]) -> list[Sighting]:
    """Returns every sighting: of each entity event, and of each roster entry of a page."""
    seen = []
    for line in lines:
        at = position(line)
        if line.kind == "entity":
            own = (line.writer, line.seq)
            seen.append(Sighting(at, line.type, line.id, line.shape, None, False, own))
        if line.kind == "page":
            numbered = line.page_no is not None
            for pointer, entries in line.roster.items():
                for type_, id_, seq in entries:
                    seen.append(
                        Sighting(
                            at,
                            type_,
                            id_,
                            line.shapes[pointer],
                            line.scope if numbered else None,
                            numbered,
                            (line.writer, seq),
                        )
                    )
    return seen


def complete_listings(lines: Sequence[Line]) -> list[Listing]:
    """Returns the listings of one page, and the paginations without a missing page."""
    pages = [line for line in lines if line.kind == "page" and line.scope and line.page_no]
    listings = [
        Listing(page.scope, position(page), position(page))
        for page in pages
        if page.page_no == 1 and page.last
    ]
    paginations: dict[tuple, list[Line]] = {}
    for page in pages:
        if not (page.page_no == 1 and page.last):
            paginations.setdefault((page.scope, page.run, page.writer), []).append(page)
    for (scope, _, _), pages_of_run in paginations.items():
        numbers = sorted({page.page_no for page in pages_of_run if page.last})
        for k in numbers:
            first = {
                n: min((position(p) for p in pages_of_run if p.page_no == n), default=None)
                for n in range(1, k + 1)
            }
            if None in first.values():
                continue
            last = min(position(p) for p in pages_of_run if p.page_no == k and p.last)
            listings.append(Listing(scope, first[1], max([last, *first.values()])))
    return listings


def absent_since(
    seen: Sequence[Sighting], listings: Sequence[Listing], gone: Sequence[Position]
) -> int | None:
    """Returns since when an entity is absent, from all facts about it up to an instant."""
    ends = [listing.ends.observed_at for listing in listings if misses(listing, seen, listings)]
    last_seen = max(sighting.at for sighting in seen)
    ends += [probe.observed_at for probe in gone if probe > last_seen]
    return min(ends, default=None)


def misses(listing: Listing, seen: Sequence[Sighting], listings: Sequence[Listing]) -> bool:
    """Whether a complete listing makes an entity absent that was last seen as in `seen`.

    The scope that last showed the entity decides. A listing of another scope counts only if that
    one was then not listed for more than twice the time between its last two listings; a scope
    that was listed once borrows the time between this listing and the one before it.
    """
    listed = [sighting for sighting in seen if sighting.is_listing]
    named = [sighting for sighting in listed if sighting.scope is not None]
    if not named or listing.begins <= max(sighting.at for sighting in listed):
        return False
    decides = max(named, key=lambda sighting: sighting.at).scope
    if listing.scope == decides:
        return True
    if listing.scope not in {sighting.scope for sighting in named}:
        return False
    shown_at = max(sighting.at for sighting in listed).observed_at
    began = listing.begins.observed_at
    own = ends_of(decides, listings, shown_at)
    if len(own) >= 2:
        return began - shown_at > 2 * (own[-1] - own[-2])
    others = [end for end in ends_of(listing.scope, listings, began) if end < began]
    return bool(others) and began - shown_at > 2 * (began - others[-1])


def ends_of(scope: str | None, listings: Sequence[Listing], until: int) -> list[int]:
    """Returns the instants, up to one, at which complete listings of a scope ended, in order."""
    ends = {listing.ends.observed_at for listing in listings if listing.scope == scope}
    return sorted(end for end in ends if end <= until)


def view_at(lines: Sequence[Line], instant: int, shape: str | None = None) -> dict[str, State]:
    """Returns the state of each id: the body of its greatest sighting (of a shape) up to then."""
    known = [line for line in lines if observed_us(line) <= instant]
    hashes = {(line.writer, line.seq): line.hash for line in lines if line.kind == "entity"}
    listings = complete_listings(known)
    by_id: dict[str, list[Sighting]] = {}
    for sighting in sightings(known):
        by_id.setdefault(sighting.id, []).append(sighting)
    states = {}
    for id_, seen in by_id.items():
        gone = [position(line) for line in known if line.kind == "gone" and line.id == id_]
        of_shape = [sighting for sighting in seen if shape is None or sighting.shape == shape]
        if of_shape:
            # by body, too: a page may show an entity twice, with two bodies
            best = max(of_shape, key=lambda sighting: (sighting.at, sighting.body))
            absent = absent_since(seen, listings, gone)
            values = {
                sighting.at.observed_at: hashes[sighting.body]
                for sighting in sorted(of_shape, key=lambda each: (each.at, each.body))
                if sighting.shape == best.shape
            }
            states[id_] = State(hashes[best.body], absent, first_of_run(values))
    return states


def first_of_run(values: Mapping[int, str]) -> int:
    """Returns since when the last value, of values by instant, is the same."""
    *earlier, last = sorted(values)
    for instant in reversed(earlier):
        if values[instant] != values[last]:
            break
        last = instant
    return last


def versions(lines: Sequence[Line]) -> set[tuple[str, str, int, int | None, str]]:
    """Returns (id, shape, from, to, hash) of each version, from the states at every instant."""
    instants = sorted({observed_us(line) for line in lines})
    periods = set()
    for shape in {sighting.shape for sighting in sightings(lines)}:
        running: dict[str, tuple[int, str]] = {}
        for instant in instants:
            now = view_at(lines, instant, shape)
            for id_ in {*now, *running}:
                state = now.get(id_)
                shown = state.hash if state and state.absent_since is None else None
                began = running.get(id_)
                if began is not None and began[1] != shown:
                    periods.add((id_, shape, began[0], instant, began[1]))
                    del running[id_]
                if shown is not None and id_ not in running:
                    running[id_] = (instant, shown)
        periods |= {(id_, shape, began, None, hash_) for id_, (began, hash_) in running.items()}
    return periods
