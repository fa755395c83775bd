"""Circuit breaker: detects a host that no longer answers.

    closed ── 3 requests in a row fail with the same error ──> open
       <────────────────── any answer ──────────────────────── open

While the breaker is open, requests are sent once and not retried. It has no half-open
state and no timer: every request that is still sent is a probe.
"""

import logging

import attrs

_LOGGER = logging.getLogger(__name__)
HOST_ERRORS = frozenset({"connect", "timeout", "tls", "broken"})
"""Error classes that say nothing about the request, only about the host."""
_FAILURES_TO_OPEN = 3


@attrs.define
class CircuitBreaker:
    """Failures of a sync's requests to one host."""

    last_error: str | None = None
    """Class of the error that ended the last request, if it is one of `HOST_ERRORS`."""
    consecutive_failures: int = 0
    """Requests in a row that ended with `last_error`."""

    @property
    def is_open(self) -> bool:
        """Whether the host is considered down."""
        return self.consecutive_failures >= _FAILURES_TO_OPEN

    def record_failure(self, error_class: str) -> None:
        """Counts a request that was given up. Any other class of error resets the count."""
        if error_class not in HOST_ERRORS:
            self.last_error, self.consecutive_failures = None, 0
            return
        is_same = error_class == self.last_error
        self.consecutive_failures = self.consecutive_failures + 1 if is_same else 1
        self.last_error = error_class
        if self.consecutive_failures == _FAILURES_TO_OPEN:
            _LOGGER.debug("circuit breaker open: %s", error_class)

    def record_success(self) -> None:
        """Closes the breaker: the host answered."""
        self.last_error, self.consecutive_failures = None, 0
