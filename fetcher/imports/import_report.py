"""What came of an import, or has so far."""

from collections.abc import Callable

import attrs


@attrs.frozen(kw_only=True)
class ImportReport:
    """What came of an import, or has so far."""

    expected: int = 0
    """Responses there are."""
    responses: int = 0
    """Responses looked at."""
    pages: int = 0
    already: int = 0
    """Responses that were in the log."""
    entities: int = 0
    stored: int = 0
    unchanged: int = 0
    anomalies: int = 0
    refused: tuple[str, ...] = ()
    """Responses of no known endpoint, and what they were."""
    matched_parts: frozenset[str] = frozenset()
    """The `--part` options that matched at least one response."""


ImportProgress = Callable[[ImportReport], None]
