"""Retry with exponential backoff and full jitter: how to react to an outcome. Pure.

    outcome ──> error class ──> reaction: answer | retry | give up | stop the run

The two tables below are the complete policy. A `Retry-After` header is honoured up to
`RetryPolicy.max_retry_after_s`.
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from enum import Enum

import attrs

Chance = Callable[[], float]
"""Random source: returns a number in [0, 1)."""


class Reaction(Enum):
    """What the crawl does about an outcome."""

    ANSWER = "answer"
    """The response is valid and becomes a page."""
    RETRY = "retry"
    GIVE_UP = "give up"
    """Retrying this request cannot succeed."""
    STOP = "stop"
    """No other request of this run can succeed either."""


BY_CLASS: dict[str, Reaction] = {
    "connect": Reaction.RETRY,
    "timeout": Reaction.RETRY,
    "broken": Reaction.RETRY,
    "encoding": Reaction.RETRY,
    "not_json": Reaction.RETRY,
    "unexpected": Reaction.RETRY,
    "throttled": Reaction.RETRY,
    "server": Reaction.RETRY,
    "wall": Reaction.RETRY,
    "poison": Reaction.GIVE_UP,
    "too_deep": Reaction.GIVE_UP,
    "cursor": Reaction.GIVE_UP,
    "too_large": Reaction.GIVE_UP,
    "redirects": Reaction.GIVE_UP,
    "bad_url": Reaction.GIVE_UP,
    "refused": Reaction.STOP,
    "region": Reaction.STOP,
    "tls": Reaction.STOP,
}
"""Reaction to each error class.

`not_json`: a successful status with a body that is not JSON. `unexpected`: the same with JSON
that is not the expected response. `wall`: a web page for people (login, challenge) instead of
an API response. `Source.fault` recognises three classes by the response's text: `poison` (a page
that upstream fails to serve), `too_deep` (a page beyond upstream's limit) and `cursor` (an expired
page cursor)."""

BY_STATUS: dict[int, str] = {
    401: "refused",
    403: "refused",
    408: "server",
    425: "server",
    429: "throttled",
    451: "region",
}
"""Error classes of specific statuses. Every other 5xx is `server`; every other 4xx is an
answer."""


@attrs.frozen
class RetryPolicy:
    """How often a request is retried, and how long to wait in between."""

    attempts: int = 6
    """Attempts in total, the first included."""
    base_s: float = 1.0
    """Upper bound of the first wait; doubled with every attempt."""
    max_wait_s: float = 60.0
    """Upper bound of a wait before `Retry-After` is added."""
    max_retry_after_s: float = 900.0
    """Longest `Retry-After` that is honoured."""


@attrs.frozen
class RetryDecision:
    """Reaction to one attempt."""

    reaction: Reaction
    error_class: str | None = None
    wait_s: float = 0.0


def classify_outcome(
    status: int | None, broken: str | None, *, is_json: bool, fault: str | None = None
) -> str | None:
    """Returns the error class of an outcome; None for an answer.

    `broken`: class of a network error. `fault`: class according to the source.
    """
    if broken is not None:
        return broken
    if fault is not None:
        return fault
    if status is None or status >= 500:
        return "server"
    if status in BY_STATUS:
        is_wall = status == 403 and not is_json
        return "wall" if is_wall else BY_STATUS[status]
    if 300 <= status < 400:
        return "redirects"
    return None if is_json or status == 404 else "not_json"


def decide(
    error: str | None,
    attempt: int,
    retry_after_s: float | None,
    policy: RetryPolicy,
    chance: Chance,
) -> RetryDecision:
    """Returns the reaction to attempt number `attempt` (from 1) and its error class."""
    if error is None:
        return RetryDecision(Reaction.ANSWER)
    reaction = BY_CLASS[error]
    if reaction is not Reaction.RETRY:
        return RetryDecision(reaction, error)
    if attempt >= policy.attempts:
        return RetryDecision(Reaction.GIVE_UP, error)
    return RetryDecision(reaction, error, backoff_s(attempt, retry_after_s, policy, chance))


def backoff_s(
    attempt: int, retry_after_s: float | None, policy: RetryPolicy, chance: Chance
) -> float:
    """Returns the seconds to wait: full jitter under an exponential ceiling, added to what
    `Retry-After` asks for."""
    ceiling = min(policy.max_wait_s, policy.base_s * 2.0 ** (attempt - 1))
    jitter_s = chance() * ceiling
    if retry_after_s is None:
        return jitter_s
    requested_s = min(max(retry_after_s, 0.0), policy.max_retry_after_s)
    return requested_s + jitter_s


def parse_retry_after(value: str | None, now_s: float) -> float | None:
    """Returns the seconds of a `Retry-After` header, given as a number or an HTTP date; None
    if it is invalid."""
    if value is None:
        return None
    try:
        return float(value) if float(value) == float(value) else None
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value).timestamp() - now_s
    except (TypeError, ValueError, OverflowError):
        return None
