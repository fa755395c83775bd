"""What each response of an S3 server means for the caller."""

from email.utils import format_datetime

import attrs
import pytest

from cli.output.exit_codes import exit_code
from eventlog.clock import MINUTE, datetime_of, parse_us
from eventlog.errors import Invalid, LocalResource, NotFound, Refused, Unavailable
from eventlog.stores.s3.faults import (
    Fault,
    error_of,
    is_behind_the_end,
    is_missing,
    is_taken,
    is_transient,
)

NOW = parse_us("2026-11-30T12:00:00Z")
PLACE = "s3://archive/log/a"


def fault(status: int | None, code: str = "", message: str = "", **others: str) -> Fault:
    return Fault(PLACE, "PutObject", status, code, message, **others)


@pytest.mark.parametrize(
    "response",
    [
        *(fault(status) for status in (408, 409, 429, 500, 502, 503, 504, 599, None, 200)),
        fault(409, "ConditionalRequestConflict"),
        fault(429, "TooManyRequests"),
        fault(400, "BadDigest"),
        fault(400, "IncompleteBody"),
        fault(400, "XAmzContentSHA256Mismatch"),
        fault(400, "RequestTimeout"),
    ],
)
def test_these_responses_are_temporary(response: Fault) -> None:
    error = error_of(response, NOW)

    assert is_transient(response)
    assert isinstance(error, Unavailable)
    assert exit_code(error) == 7


@pytest.mark.parametrize(
    "response",
    [
        fault(401, "Unauthorized", "who are you"),
        fault(403, "AccessDenied", "not you"),
        fault(403, "SignatureDoesNotMatch", "wrong secret"),
        fault(402, "PaymentRequired", "pay first"),
        fault(507, "InsufficientStorage", "full"),
        fault(403, "QuotaExceeded", "enough is stored"),
        fault(503, "QuotaExceeded", "enough is stored"),
        fault(400, "InvalidPart", "unequal"),
        fault(411, "MissingContentLength", "how long"),
    ],
)
def test_these_responses_are_final_and_the_server_says_why(response: Fault) -> None:
    error = error_of(response, NOW)

    assert not is_transient(response)
    assert isinstance(error, Refused)
    assert exit_code(error) == 5
    assert (
        error.what == f"{PLACE}: PutObject: {response.status} {response.code}: {response.message}"
    )


def test_a_refused_key_may_only_be_new() -> None:
    assert "a new key may need a minute" in (error_of(fault(403, "AccessDenied"), NOW).hint or "")
    assert error_of(fault(507), NOW).hint is None


def test_a_header_that_is_not_implemented_is_named() -> None:
    error = error_of(fault(501, "NotImplemented", "no conditions", header="If-None-Match"), NOW)

    assert isinstance(error, Refused)
    assert "PutObject: the server does not implement If-None-Match: no conditions" in error.what
    assert not is_transient(fault(501))


def test_a_missing_bucket_is_an_error_of_the_configuration() -> None:
    for code in ("NoSuchBucket", "InvalidBucketName"):
        error = error_of(fault(404, code), NOW)

        assert isinstance(error, Invalid)
        assert exit_code(error) == 2
        assert error.what == f"{PLACE}: the bucket does not exist ({code})"


def test_a_redirect_is_an_error_of_the_configuration() -> None:
    assert isinstance(error_of(fault(301, "PermanentRedirect"), NOW), Invalid)


def test_a_missing_object_is_not_found() -> None:
    for code in ("NoSuchKey", "404", ""):
        assert is_missing(fault(404, code))
        assert isinstance(error_of(fault(404, code), NOW), NotFound)
    assert not is_missing(fault(404, "NoSuchBucket"))
    assert not is_missing(fault(404, "NoSuchUpload"))


def test_a_taken_name_is_412_or_a_bucket_lock() -> None:
    assert is_taken(fault(412, "PreconditionFailed"))
    assert is_taken(fault(412))
    assert is_taken(fault(403, "ObjectLockedByBucketPolicy"))
    assert not is_taken(fault(403, "AccessDenied"))
    assert not is_taken(fault(409, "ConditionalRequestConflict"))


def test_a_range_behind_the_end_is_416() -> None:
    assert is_behind_the_end(fault(416, "InvalidRange"))
    assert not is_behind_the_end(fault(412))


def dated(response: Fault, instant: int) -> Fault:
    return attrs.evolve(response, date=format_datetime(datetime_of(instant), usegmt=True))


def test_a_wrong_clock_is_an_error_of_this_machine_with_both_times() -> None:
    error = error_of(dated(fault(403, "RequestTimeTooSkewed"), NOW + 90 * MINUTE), NOW)

    assert isinstance(error, LocalResource)
    assert exit_code(error) == 8
    assert "clock says 2026-11-30T12:00:00Z, the server's 2026-11-30T13:30:00Z" in error.what


@pytest.mark.parametrize(("minutes", "kind"), [(14, Refused), (16, LocalResource)])
def test_a_head_has_no_code_and_the_times_decide(minutes: int, kind: type[Exception]) -> None:
    for sign in (1, -1):
        response = dated(fault(403, "403", "Forbidden"), NOW + sign * minutes * MINUTE)
        assert type(error_of(response, NOW)) is kind


def test_a_damaged_date_does_not_hide_the_response() -> None:
    for date in ("", "yesterday", "Mon, 30 Foo 2026 12:00:00 GMT"):
        skewed = error_of(fault(403, "RequestTimeTooSkewed", date=date), NOW)

        assert "the server's another time" in skewed.what
        assert isinstance(error_of(fault(403, "403", date=date), NOW), Refused)
