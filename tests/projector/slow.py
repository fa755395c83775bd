"""The law of views, written down slowly: no SQL, no parts, one fact at a time."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import zstandard

from eventlog.files.listing import list_segments
from eventlog.format.event import Line, Position, observed_us
from eventlog.format.event_codec import decode


@attrs.frozen
class Sighting:
    at: Position
    type: str
    id: str
    shape: str | None
    scope: str | None
    is_listing: bool
    body: tuple[str, int]


@attrs.frozen
class Listing:
    scope: str
    begins: Position
    ends: Position


@attrs.frozen
class State:
    """An entity at an instant."""

    hash: str
    absent_since: int | None


def read_lines(root: Path, source: str) -> list[Line]:
    lines: list[bytes] = []
    for each in list_segments(root, source):
        path = root / "log" / str(each.name)
        if each.is_sealed:
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
    found = []
    for line in lines:
        at = position(line)
        if line.kind == "entity":
            own = (line.writer, line.seq)
            found.append(Sighting(at, line.type, line.id, line.shape, None, False, own))
        if line.kind == "page":
            numbered = line.page_no is not None
            for pointer, entries in line.roster.items():
                for type_, id_, seq in entries:
                    found.append(
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
    return found


def complete_listings(lines: Sequence[Line]) -> list[Listing]:
    pages = [line for line in lines if line.kind == "page" and line.scope and line.page_no]
    found = [
        Listing(page.scope, position(page), position(page))
        for page in pages
        if page.page_no == 1 and page.last
    ]
    walks: dict[tuple, list[Line]] = {}
    for page in pages:
        if not (page.page_no == 1 and page.last):
            walks.setdefault((page.scope, page.run, page.writer), []).append(page)
    for (scope, _, _), held in walks.items():
        numbers = sorted({page.page_no for page in held if page.last})
        for k in numbers:
            first = {
                n: min((position(p) for p in held if p.page_no == n), default=None)
                for n in range(1, k + 1)
            }
            if None in first.values():
                continue
            last = min(position(p) for p in held if p.page_no == k and p.last)
            found.append(Listing(scope, first[1], max([last, *first.values()])))
    return found


def absent_since(
    seen: Sequence[Sighting], listings: Sequence[Listing], gone: Sequence[Position]
) -> int | None:
    """Of the facts up to an instant about one entity."""
    listed = [each.at for each in seen if each.is_listing]
    scopes = {each.scope for each in seen if each.is_listing and each.scope is not None}
    ends = [
        each.ends.observed_at
        for each in listings
        if listed and each.scope in scopes and each.begins > max(listed)
    ]
    ends += [each.observed_at for each in gone if each > max(one.at for one in seen)]
    return min(ends, default=None)


def view_at(lines: Sequence[Line], instant: int, shape: str | None = None) -> dict[str, State]:
    """Per id what its greatest sighting (of a shape) not after the instant names."""
    known = [line for line in lines if observed_us(line) <= instant]
    hashes = {(line.writer, line.seq): line.hash for line in lines if line.kind == "entity"}
    listings = complete_listings(known)
    by_id: dict[str, list[Sighting]] = {}
    for each in sightings(known):
        by_id.setdefault(each.id, []).append(each)
    states = {}
    for id_, seen in by_id.items():
        gone = [position(line) for line in known if line.kind == "gone" and line.id == id_]
        of_shape = [each for each in seen if shape is None or each.shape == shape]
        if of_shape:
            best = max(of_shape, key=lambda each: (each.at, each.body))  # one page, two bodies
            states[id_] = State(hashes[best.body], absent_since(seen, listings, gone))
    return states


def versions(lines: Sequence[Line]) -> set[tuple[str, str, int, int | None, str]]:
    """(id, shape, from, to, hash), by asking for the state at every instant there is."""
    instants = sorted({observed_us(line) for line in lines})
    made = set()
    for shape in {each.shape for each in sightings(lines)}:
        running: dict[str, tuple[int, str]] = {}
        for instant in instants:
            now = view_at(lines, instant, shape)
            for id_ in {*now, *running}:
                state = now.get(id_)
                shown = state.hash if state and state.absent_since is None else None
                began = running.get(id_)
                if began is not None and began[1] != shown:
                    made.add((id_, shape, began[0], instant, began[1]))
                    del running[id_]
                if shown is not None and id_ not in running:
                    running[id_] = (instant, shown)
        made |= {(id_, shape, began, None, hash_) for id_, (began, hash_) in running.items()}
    return made
