"""What a probe is, what it is applied to, and what it finds."""

from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path

import attrs

from eventlog.clock import now_us
from eventlog.mirror.local.ledger import Ledger
from eventlog.stores.s3.bodies import Parameters
from eventlog.stores.s3.faults import Fault, error_of
from eventlog.stores.s3.requests import BucketRequests
from eventlog.stores.store import Store

PROBES = "probe/"
"""Prefix of the objects of all probes."""


class Verdict(Enum):
    """What a finding means for the user."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    NOT_APPLICABLE = "not applicable"


@attrs.frozen
class Outcome:
    """What a probe found."""

    verdict: Verdict
    text: str
    hint: str | None = None
    """The next command, or what to change."""


@attrs.frozen
class ProbedBucket:
    """A bucket that is probed."""

    root: Path
    """Of the archive."""
    store: Store
    requests: BucketRequests | None
    """None for folders and memory."""
    ledger: Ledger | None
    """Of this bucket."""
    token: str
    """Random: no other probing uses the same names."""
    now: int

    @property
    def prefix(self) -> str:
        """Prefix of the objects of this probing."""
        return f"{PROBES}{self.token}/"

    def s3(self) -> BucketRequests:
        """Returns the requests of a probe that is applied to S3 buckets only."""
        assert self.requests is not None
        return self.requests


@attrs.frozen
class BucketProbe:
    """A question to a bucket."""

    name: str
    run: Callable[[ProbedBucket], Awaitable[Outcome]]
    """Returns the answer. Raises what the store raises."""
    only_s3: bool = False
    """Whether folders and memory have nothing to ask for."""
    writes: bool = False
    """Whether it puts objects."""
    shows_reading: bool = False
    """Whether a refusal means that the key is wrong."""
    shows_writing: bool = False
    """Whether a refusal means that the key cannot write at all."""


def passed(text: str) -> Outcome:
    """Returns an outcome that needs nothing to be done."""
    return Outcome(Verdict.OK, text)


def warned(text: str, hint: str | None = None) -> Outcome:
    """Returns an outcome that the user should know."""
    return Outcome(Verdict.WARN, text, hint)


def failed(text: str, hint: str | None = None) -> Outcome:
    """Returns an outcome with which the mirror is not safe."""
    return Outcome(Verdict.FAIL, text, hint)


def require_response(response: Parameters | Fault) -> Parameters:
    """Returns a response that must be a success. Raises the error of a fault."""
    if isinstance(response, Fault):
        raise error_of(response, now_us())
    return response
