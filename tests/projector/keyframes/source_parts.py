"""Keyframes, parts and lists of parts as values, for tests without files."""

from collections.abc import Iterable
from pathlib import Path

import attrs

from projector.keyframes.keyframe import Keyframe, SourceParts
from projector.limits import LIMITS
from projector.parts.part import Part
from projector.parts.plan import SegmentListing

NO_SEGMENTS: frozenset[str] = frozenset()
EAGER = attrs.evolve(LIMITS, min_keyframe_rows=0, max_moved_share=1)
"""Limits with which a keyframe and a row cache are due after the first update."""


def part(begin: str, end: str, *covers: str) -> Part:
    """Returns a part whose rows lie from `begin` to `end` and that covers these segments."""
    return Part(Path(f"{begin}-{end}-x.parquet"), begin, frozenset(covers))


def source(
    sightings: Iterable[Part], pages: Iterable[Part], rows: int = 10, chain: Iterable[Keyframe] = ()
) -> SourceParts:
    """Returns the parts of a source, each with this number of rows."""
    sightings, pages = tuple(sightings), tuple(pages)
    counts = {str(part.path): rows for part in (*sightings, *pages)}
    sealed = frozenset().union(*(part.covers for part in (*sightings, *pages)))
    listing = SegmentListing("shop", sealed, ())
    return SourceParts(listing, Path(), sightings, pages, counts, (), tuple(chain))


def keyframe(
    instant: str,
    *adds: str,
    rows: int = 30,
    base: str = "",
    moved: float = 1,
    decides: bool = False,
) -> Keyframe:
    """Returns a keyframe that adds these segments to those of its base."""
    path = Path(f"s-{instant}-{'-'.join(adds)}.parquet")
    return Keyframe(path, base, frozenset(adds), rows, moved, decides=decides)


DAYS = {n: part(f"2026010{n}T00", f"2026010{n}T01", f"s{n}") for n in range(1, 8)}
"""A part of one hour on each of seven days, with a segment of its own."""
ONE, TWO, THREE = (DAYS[n] for n in (1, 2, 3))
