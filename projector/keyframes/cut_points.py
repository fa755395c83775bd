"""Cut points: instants that no part spans, where keyframes may end; the next keyframe due."""

from collections.abc import Iterable, Iterator

import attrs

from projector.keyframes.keyframe import Keyframe, SourceParts, covered_segments
from projector.limits import Limits
from projector.parts.part import Part, name_over

_HOUR = len("YYYYMMDDTHH")


@attrs.frozen
class CutPoint:
    """An instant that no part spans, with the parts that were added up to it."""

    instant: str
    """Last instant of the added parts."""
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    adds: frozenset[str]
    """The segments of these parts."""


@attrs.frozen
class DueKeyframe:
    """A keyframe that is due: to build from the one before and the parts since then."""

    instant: str
    base: Keyframe | None
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    """Parts since the base; all parts it covers if the pages of the base do not decide."""
    adds: tuple[str, ...]
    """The segments that it covers and its base does not."""

    @property
    def name(self) -> str:
        """Name of the file of its sightings."""
        base = self.base.name if self.base else ""
        return name_over("s", self.instant, [base, *self.adds])


def next_due(source: SourceParts, busy: frozenset[str], limits: Limits) -> DueKeyframe | None:
    """Returns the next keyframe to build, if one is due.

    `busy`: the hours, `YYYYMMDDTHH`, that are still being written.
    """
    base = source.chain[-1] if source.chain else None
    covered = covered_segments(source.chain)
    limit = max(limits.min_keyframe_rows, base.rows // 2 if base else 0)
    after = base.instant if base else ""
    first = next(cut_points(source, busy, covered, after, limit), None)
    if first is None:
        return None
    pages = first.pages
    if base and not base.decides:
        pages = tuple(part for part in source.pages if part.covers <= covered | first.adds)
    return DueKeyframe(first.instant, base, first.sightings, pages, tuple(sorted(first.adds)))


def cut_points(
    source: SourceParts, busy: frozenset[str], covered: frozenset[str], after: str, least: int
) -> Iterator[CutPoint]:
    """Yields the cut points after an instant with more than `least` sightings up to them.

    It waits for a segment whose sightings or pages are missing, because what a keyframe covers
    is never read again.
    """
    since = sorted(
        (part.first, part.path.name, is_page, part)
        for is_page, parts in enumerate((source.sightings, source.pages))
        for part in parts
        if not part.covers <= covered
    )
    sightings, pages = list[Part](), list[Part]()
    last, rows = "", 0
    for n, (_, _, is_page, part) in enumerate(since):
        (pages if is_page else sightings).append(part)
        last = max(last, part.last)
        rows += 0 if is_page else source.rows[str(part.path)]
        is_cut = n + 1 == len(since) or since[n + 1][0] > last
        if is_cut and rows > least and last > after and last[:_HOUR] not in busy:
            adds = _segments(sightings) - covered
            if adds == _segments(pages) - covered:
                yield CutPoint(last, tuple(sightings), tuple(pages), adds)


def _segments(parts: Iterable[Part]) -> frozenset[str]:
    return frozenset[str]().union(*(part.covers for part in parts))
