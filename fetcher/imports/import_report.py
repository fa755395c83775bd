"""Progress or result of an import, and how responses are counted. Pure."""

from collections.abc import Callable
from typing import Literal

import attrs

from fetcher.imports.recordings import RecordedResponse
from fetcher.imports.responses.bare_responses import RecordingContent
from fetcher.record.page_events import PageEvents
from fetcher.split.response import SplitResponse


@attrs.frozen(kw_only=True)
class ImportReport:
    """Progress or result of an import."""

    recordings: int = 0
    """Number of files, members of packs and versions of files to be read."""
    expected: int = 0
    """Number of responses, as far as it is known: a recording counts as one until it is read."""
    responses: int = 0
    """Responses that were processed: `pages + already + kept + left_out`."""
    pages: int = 0
    """Responses that were recorded as pages."""
    already: int = 0
    """Responses that were in the log before."""
    kept: int = 0
    """Responses that were stored whole as anomalies."""
    left_out: int = 0
    """Responses that were not imported."""
    entities: int = 0
    stored: int = 0
    unchanged: int = 0
    anomalies: int = 0
    """Anomalies that were written: responses, and elements without an id."""
    refused: tuple[str, ...] = ()
    """Responses that were not imported, each with the reason; several lines may share one."""
    quarantined: tuple[str, ...] = ()
    """Responses that are anomalies in the log, now or before, each with the reason."""
    doubtful: tuple[str, ...] = ()
    """Responses that prove nothing about absence, now or before, each with the reason."""
    matched_parts: frozenset[str] = frozenset()
    """The `--part` options that matched at least one response."""


OnImportProgress = Callable[[ImportReport], None]
"""Called after every recorded response."""


def full_name(recorded: RecordedResponse) -> str:
    """Returns file, member and commit of a recorded response."""
    name = "/".join(filter(None, (recorded.file, recorded.member)))
    return f"{name} (commit {recorded.commit[:12]})" if recorded.commit else name


def count_content(
    report: ImportReport, recorded: RecordedResponse, content: RecordingContent
) -> ImportReport:
    """Counts the responses in a recording, which was expected to contain one."""
    count = len(content.responses) + sum(item.count for item in content.unrecognised)
    is_first = recorded.first_line in (None, 1)
    return attrs.evolve(
        report,
        responses=report.responses + count,
        expected=report.expected + count - is_first,
        matched_parts=report.matched_parts | content.matched_parts,
    )


def count_page(report: ImportReport, parts: SplitResponse, observed: PageEvents) -> ImportReport:
    """Counts a response that was recorded as a page."""
    return attrs.evolve(
        report,
        pages=report.pages + 1,
        entities=report.entities + len(parts.entities),
        stored=report.stored + observed.stored,
        unchanged=report.unchanged + observed.unchanged,
        anomalies=report.anomalies + len(parts.misfits),
    )


def add_reason(
    report: ImportReport, outcome: Literal["refused", "quarantined", "doubtful"], reason: str
) -> ImportReport:
    """Adds the reason for an outcome of a response."""
    reasons: tuple[str, ...] = getattr(report, outcome)
    return attrs.evolve(report, **{outcome: (*reasons, reason)})  # type: ignore[arg-type]
