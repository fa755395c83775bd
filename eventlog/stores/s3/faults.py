"""What the responses of an S3 server mean for the caller. Pure.

    status, code ──> taken | missing | transient | refused | clock | no bucket

The status decides unless the code is known: a damaged response has a status more often than a
code. The tables are the complete policy; sources: `docs/decisions/aioboto3-behind-one-module.md`.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime

import attrs

from eventlog.clock import SECOND, format_short, instant_at
from eventlog.errors import (
    HindlogError,
    Invalid,
    LocalResource,
    NotFound,
    Refused,
    Unavailable,
)

MAX_SKEW = 15 * 60 * SECOND
"""Difference between our clock and the server's beyond which signatures are refused."""

TAKEN_CODES = {"PreconditionFailed", "ObjectLockedByBucketPolicy"}
"""The name is taken, or a lock protects what has it: the object itself decides."""
DAMAGED_CODES = {
    *("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"),
}
"""Other bytes arrived than were announced: damaged on the way, or read wrongly here."""
TRANSIENT_CODES = {
    *DAMAGED_CODES,
    *("ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "ClientDisconnect"),
    *("SlowDown", "TooManyRequests", "InternalError", "ServiceUnavailable", "MalformedXML"),
}
TRANSIENT_STATUSES = {408, 409, 425, 429}
TOO_LARGE = "EntityTooLarge"
QUOTA_CODES = {"QuotaExceeded", "InsufficientStorage", TOO_LARGE}
PERMANENT_SERVER_STATUSES = {501, 507}
"""The 5xx that no retry changes. All others are transient."""
NO_BUCKET = "NoSuchBucket"
NO_UPLOAD = "NoSuchUpload"
SKEWED = "RequestTimeTooSkewed"


class S3Fault(Exception):
    """A request did not succeed: the response, or that there was none."""

    def __init__(self, fault: "Fault") -> None:
        super().__init__(fault)
        self.fault = fault


@attrs.frozen
class Fault:
    """The response to a request that did not succeed."""

    place: str
    """Address of the object or the bucket."""
    operation: str
    status: int | None
    """None: there was no response, or it could not be parsed."""
    code: str = ""
    message: str = ""
    header: str = ""
    """The header that the server does not implement."""
    date: str = ""
    """The server's `Date` header."""

    def __str__(self) -> str:
        answer = " ".join(part for part in (str(self.status or ""), self.code) if part)
        text = f"{answer}: {self.message}" if answer and self.message else answer or self.message
        return f"{self.place}: {self.operation}: {text}"


def is_taken(fault: Fault) -> bool:
    """Returns whether an object has the name already, which must be compared with ours."""
    return fault.status == 412 or fault.code in TAKEN_CODES


def is_missing(fault: Fault) -> bool:
    """Returns whether no object has the name."""
    return fault.status == 404 and fault.code not in (NO_BUCKET, "InvalidBucketName", NO_UPLOAD)


def is_behind_the_end(fault: Fault) -> bool:
    """Returns whether a range begins behind the end of the object."""
    return fault.status == 416


def is_transient(fault: Fault) -> bool:
    """Returns whether the same request may succeed later."""
    if fault.code in TRANSIENT_CODES or fault.status is None:
        return True
    if fault.code in QUOTA_CODES or fault.status in PERMANENT_SERVER_STATUSES:
        return False
    return fault.status in TRANSIENT_STATUSES or fault.status >= 500 or fault.status < 300


def error_of(fault: Fault, now: int) -> HindlogError:
    """Returns the error that says what to do next. `now`: the instant on our clock."""
    if fault.code in (NO_BUCKET, "InvalidBucketName"):
        return Invalid(
            f"{fault.place}: the bucket does not exist ({fault.code})",
            "create the bucket, or correct mirror.url and mirror.endpoint_url",
        )
    if _is_skewed(fault, now):
        return LocalResource(
            f"{fault.place}: this machine's clock says {format_short(now)},"
            f" the server's {_server_time(fault)}; signatures may differ by 15 minutes",
            "set the clock of this machine",
        )
    if is_missing(fault):
        return NotFound(f"{fault.place}: no object has this name")
    if is_transient(fault):
        return Unavailable(str(fault), "nothing was lost: run it again later")
    if fault.status == 501:
        return Refused(
            f"{fault.place}: {fault.operation}: the server does not implement"
            f" {fault.header or 'a header of the request'}: {fault.message}",
            "use a server with conditional writes and SHA-256 checksums, such as R2",
        )
    if fault.status is not None and 300 <= fault.status < 400:
        return Invalid(str(fault), "correct mirror.endpoint_url or mirror.region")
    return Refused(str(fault), _hint_of(fault))


def _hint_of(fault: Fault) -> str | None:
    if fault.status in (401, 403) and fault.code not in QUOTA_CODES:
        return "check the key and what it allows; a new key may need a minute until it works"
    return None


def _is_skewed(fault: Fault, now: int) -> bool:
    """Returns whether the clock is the reason. A HEAD has no code: then the times decide."""
    if fault.code == SKEWED:
        return True
    server = _instant_of(fault.date)
    is_plain = fault.status == 403 and fault.code in ("", "403")
    return is_plain and server is not None and abs(server - now) > MAX_SKEW


def _server_time(fault: Fault) -> str:
    server = _instant_of(fault.date)
    return "another time" if server is None else format_short(server)


def _instant_of(date: str) -> int | None:
    try:
        moment: datetime = parsedate_to_datetime(date)
    except ValueError:
        return None
    return instant_at(moment) if moment.tzinfo else None
