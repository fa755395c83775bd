"""Cuts: instants that no part reaches across, where keyframes may lie, and the next that is due."""

from collections.abc import Iterable, Iterator

import attrs

from projector.keyframes.keyframe import Link, Source, covered_by
from projector.limits import Limits
from projector.parts.part import Part, name_over

_HOUR = len("YYYYMMDDTHH")


@attrs.frozen
class Cut:
    """An instant that no part reaches across, and what is new up to it."""

    instant: str
    """The last that is new."""
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    adds: frozenset[str]
    """Their segments."""


@attrs.frozen
class Due:
    """A keyframe to build: from the one before it and the parts since."""

    instant: str
    base: Link | None
    sightings: tuple[Part, ...]
    pages: tuple[Part, ...]
    """Of the parts since; of all that it covers where those of the base do not decide."""
    adds: tuple[str, ...]
    """The segments that it covers and its base does not."""

    @property
    def name(self) -> str:
        """The name of its sightings."""
        base = self.base.keyframe.name if self.base else ""
        return name_over("s", self.instant, [base, *self.adds])


def next_due(source: Source, busy: frozenset[str], limits: Limits) -> Due | None:
    """The next keyframe, if one is due.

    `busy`: the hours, `YYYYMMDDTHH`, that are still being written.
    """
    base = source.chain[-1] if source.chain else None
    covered = covered_by(source.chain)
    limit = max(limits.min_keyframe_rows, base.keyframe.rows // 2 if base else 0)
    after = base.keyframe.instant if base else ""
    first = next(cuts(source, busy, covered, after, limit), None)
    if first is None:
        return None
    pages = first.pages
    if base and not base.decides:
        pages = tuple(p for p in source.pages if p.covers <= covered | first.adds)
    return Due(first.instant, base, first.sightings, pages, tuple(sorted(first.adds)))


def cuts(
    source: Source, busy: frozenset[str], covered: frozenset[str], after: str, least: int
) -> Iterator[Cut]:
    """Where no part reaches across, after an instant, once more than `least` sightings came.

    A segment of which the sightings or the pages are missing is waited for: what is covered
    is not looked at again.
    """
    since = sorted(
        (part.first, part.path.name, is_page, part)
        for is_page, parts in enumerate((source.sightings, source.pages))
        for part in parts
        if not part.covers <= covered
    )
    held: tuple[list[Part], list[Part]] = ([], [])
    reach, rows = "", 0
    for n, (_, _, is_page, part) in enumerate(since):
        held[is_page].append(part)
        reach = max(reach, part.last)
        rows += 0 if is_page else source.rows[str(part.path)]
        is_cut = n + 1 == len(since) or since[n + 1][0] > reach
        if is_cut and rows > least and reach > after and reach[:_HOUR] not in busy:
            adds = _names(held[0]) - covered
            if adds == _names(held[1]) - covered:
                yield Cut(reach, tuple(held[0]), tuple(held[1]), adds)


def _names(parts: Iterable[Part]) -> frozenset[str]:
    return frozenset[str]().union(*(each.covers for each in parts))
