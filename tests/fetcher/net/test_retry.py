"""Retry decisions: error classes, reactions, and the wait before the next attempt."""

from functools import partial

import pytest

from fetcher.net.retry import (
    BY_CLASS,
    Reaction,
    RetryDecision,
    RetryPolicy,
    backoff_s,
    classify_outcome,
    decide,
    parse_retry_after,
)

POLICY = RetryPolicy(attempts=5, base_s=1, max_wait_s=60, max_retry_after_s=900)


@pytest.mark.parametrize(
    ("status", "broken", "is_json", "fault", "expected", "reaction"),
    [
        (200, None, True, None, None, Reaction.ANSWER),
        (200, None, False, None, "not_json", Reaction.RETRY),
        (400, None, True, None, None, Reaction.ANSWER),
        (400, None, False, None, "not_json", Reaction.RETRY),
        (401, None, True, None, "refused", Reaction.STOP),
        (403, None, True, None, "refused", Reaction.STOP),
        (403, None, False, None, "wall", Reaction.RETRY),
        (404, None, True, None, None, Reaction.ANSWER),
        (404, None, False, None, None, Reaction.ANSWER),
        (405, None, True, None, None, Reaction.ANSWER),
        (408, None, True, None, "server", Reaction.RETRY),
        (410, None, True, None, None, Reaction.ANSWER),
        (410, None, False, None, "not_json", Reaction.RETRY),
        (422, None, True, None, None, Reaction.ANSWER),
        (425, None, True, None, "server", Reaction.RETRY),
        (429, None, False, None, "throttled", Reaction.RETRY),
        (429, None, True, None, "throttled", Reaction.RETRY),
        (429, None, True, "too_deep", "too_deep", Reaction.GIVE_UP),
        (451, None, True, None, "region", Reaction.STOP),
        (500, None, True, None, "server", Reaction.RETRY),
        (500, None, True, "poison", "poison", Reaction.GIVE_UP),
        (400, None, True, "cursor", "cursor", Reaction.GIVE_UP),
        (502, None, False, None, "server", Reaction.RETRY),
        (503, None, True, None, "server", Reaction.RETRY),
        (520, None, False, None, "server", Reaction.RETRY),
        (304, None, False, None, "redirects", Reaction.GIVE_UP),
        (None, None, False, None, "server", Reaction.RETRY),
        (500, "broken", False, "poison", "broken", Reaction.RETRY),
        (599, None, False, None, "server", Reaction.RETRY),
        (301, None, True, None, "redirects", Reaction.GIVE_UP),
        (204, None, False, None, "not_json", Reaction.RETRY),
        (None, "connect", False, None, "connect", Reaction.RETRY),
        (None, "timeout", False, None, "timeout", Reaction.RETRY),
        (200, "broken", False, None, "broken", Reaction.RETRY),
        (200, "encoding", False, None, "encoding", Reaction.RETRY),
        (200, "too_large", False, None, "too_large", Reaction.GIVE_UP),
        (302, "redirects", False, None, "redirects", Reaction.GIVE_UP),
        (None, "bad_url", False, None, "bad_url", Reaction.GIVE_UP),
        (None, "tls", False, None, "tls", Reaction.STOP),
    ],
)
def test_every_outcome_has_an_error_class_and_a_reaction(
    status: int | None,
    broken: str | None,
    is_json: bool,
    fault: str | None,
    expected: str | None,
    reaction: Reaction,
) -> None:
    error = classify_outcome(status, broken, is_json=is_json, fault=fault)

    assert error == expected
    assert decide(error, 1, None, POLICY, lambda: 0.5).reaction is reaction


def test_a_request_is_given_up_after_the_last_attempt() -> None:
    reactions = [decide("server", n, None, POLICY, lambda: 0.5).reaction for n in (4, 5)]

    assert reactions == [Reaction.RETRY, Reaction.GIVE_UP]


def test_waits_grow_exponentially_under_full_jitter() -> None:
    longest = [backoff_s(n, None, POLICY, lambda: 1.0) for n in range(1, 9)]

    assert longest == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff_s(8, None, POLICY, lambda: 0.0) == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, 0.0),
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("259200", 900.0),
        ("1e400", 900.0),
        ("-inf", 0.0),
        ("nan", 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("Sat, 21 Nov 2026 05:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 04:00:00 GMT", 0.0),
        ("Wed, 25 Nov 2026 05:00:00 GMT", 900.0),
        ("Sat, 99 Nov 2026 05:00:30 GMT", 0.0),
    ],
)
def test_retry_after_is_honoured_up_to_a_maximum(header: str | None, expected: float) -> None:
    asked = parse_retry_after(header, 1_795_237_200.0)

    assert backoff_s(1, asked, POLICY, lambda: 0.0) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("2", 2.0),
        ("-1", -1.0),
        ("1.5", 1.5),
        ("soon", None),
        ("nan", None),
        ("Sat, 21 Nov 2026 05:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 04:59:00 GMT", -60.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, 1_795_237_200.0) == expected


def test_jitter_is_added_to_retry_after() -> None:
    waits = [backoff_s(3, 7.0, POLICY, partial(float, chance)) for chance in (0.0, 0.5, 1.0)]

    assert waits == [7.0, 9.0, 11.0]


def test_the_wait_of_a_retry_depends_on_the_random_number() -> None:
    decision = decide("throttled", 2, 5.0, POLICY, lambda: 0.5)

    assert decision == RetryDecision(Reaction.RETRY, "throttled", 6.0)
    assert decide("refused", 1, 5.0, POLICY, lambda: 0.5) == RetryDecision(Reaction.STOP, "refused")
    assert decide(None, 1, None, POLICY, lambda: 0.5) == RetryDecision(Reaction.ANSWER)


def test_the_default_policy_gives_up_after_minutes() -> None:
    policy = RetryPolicy()

    longest = sum(backoff_s(n, None, policy, lambda: 1.0) for n in range(1, policy.attempts))
    assert (policy.attempts, longest) == (6, 1 + 2 + 4 + 8 + 16)
    assert backoff_s(99, None, policy, lambda: 1.0) == 60
    assert backoff_s(1, 10.0**6, policy, lambda: 0.0) == 15 * 60


def test_every_class_of_error_has_a_reaction() -> None:
    assert Reaction.ANSWER not in BY_CLASS.values()
