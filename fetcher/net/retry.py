"""Retrying: what an outcome means, and how long to wait. Pure.

    outcome ──> class of error ──> reaction: answer | retry | give up | stop the run

The tables below are the whole policy. Waits grow exponentially with full jitter; what
`Retry-After` asks for is honoured, within bounds that keep nonsense harmless.
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from enum import Enum

import attrs

Chance = Callable[[], float]
"""A number from 0 up to, but not including, 1."""


class Reaction(Enum):
    """What is done about an outcome."""

    ANSWER = "answer"
    """It says something about what was asked: it becomes a page."""
    RETRY = "retry"
    GIVE_UP = "give up"
    """No waiting will heal it."""
    STOP = "stop"
    """Nothing else of this run will be answered either."""


BY_CLASS: dict[str, Reaction] = {
    "connect": Reaction.RETRY,
    "timeout": Reaction.RETRY,
    "broken": Reaction.RETRY,
    "encoding": Reaction.RETRY,
    "not_json": Reaction.RETRY,
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
"""Per class of error. `not_json`: a success that is not what was asked for. `wall`: a
page for people where an answer should be. A source tells three from its own words:
`poison`, a page that breaks upstream; `too_deep`, one that it never gives; `cursor`, one
that its cursor no longer leads to."""

BY_STATUS: dict[int, str] = {
    401: "refused",
    403: "refused",
    408: "server",
    425: "server",
    429: "throttled",
    451: "region",
}
"""Statuses that are errors of their own; every 5xx is `server`, other 4xx are answers."""


@attrs.frozen
class Policy:
    """How patient to be."""

    attempts: int = 6
    base_s: float = 1.0
    longest_s: float = 60.0
    """Longest wait of our own."""
    longest_asked_s: float = 900.0
    """Longest wait that upstream may ask for."""


@attrs.frozen
class Decision:
    """What to do now."""

    reaction: Reaction
    error_class: str | None = None
    wait_s: float = 0.0


def error_class(
    status: int | None, broken: str | None, *, is_json: bool, fault: str | None = None
) -> str | None:
    """The class of an outcome; None for an answer. `fault`: what the source says it is."""
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
    error: str | None, attempt: int, retry_after_s: float | None, policy: Policy, chance: Chance
) -> Decision:
    """What to do after attempt number `attempt` (from 1) ended with this class of error."""
    if error is None:
        return Decision(Reaction.ANSWER)
    reaction = BY_CLASS[error]
    if reaction is not Reaction.RETRY:
        return Decision(reaction, error)
    if attempt >= policy.attempts:
        return Decision(Reaction.GIVE_UP, error)
    return Decision(reaction, error, wait_s(attempt, retry_after_s, policy, chance))


def wait_s(attempt: int, retry_after_s: float | None, policy: Policy, chance: Chance) -> float:
    """Full jitter under an exponential ceiling; never less than upstream asked for."""
    ceiling = min(policy.longest_s, policy.base_s * 2.0 ** (attempt - 1))
    own = chance() * ceiling
    if retry_after_s is None:
        return own
    asked = min(max(retry_after_s, 0.0), policy.longest_asked_s)
    return asked + own


def retry_after(value: str | None, now_s: float) -> float | None:
    """Seconds that `Retry-After` asks for: a number or an HTTP date. None for nonsense."""
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
