"""Progress or result of an import."""

from collections.abc import Callable

import attrs


@attrs.frozen(kw_only=True)
class ImportReport:
    """Progress or result of an import."""

    expected: int = 0
    """Total number of recorded responses."""
    responses: int = 0
    """Recorded responses that were processed."""
    pages: int = 0
    """Responses that were recorded as pages."""
    already: int = 0
    """Responses that were in the log before."""
    entities: int = 0
    stored: int = 0
    unchanged: int = 0
    anomalies: int = 0
    refused: tuple[str, ...] = ()
    """Responses that were not imported, each with the reason."""
    doubtful: tuple[str, ...] = ()
    """Imported responses that prove nothing about absence, each with the reason."""
    matched_parts: frozenset[str] = frozenset()
    """The `--part` options that matched at least one response."""


OnImportProgress = Callable[[ImportReport], None]
"""Called after every recorded response."""
