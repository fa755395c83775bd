"""The throttle: even spacing, half the rate after a refusal, and back."""

from fetcher.throttle import Throttle, cool, reserve, warm


def test_requests_are_spaced_evenly() -> None:
    throttle, waits = Throttle(per_second=2), []
    for _ in range(4):
        throttle, wait = reserve(throttle, 10.0)
        waits.append(wait)

    assert waits == [0, 0.5, 1.0, 1.5]


def test_an_idle_host_saves_nothing_up() -> None:
    throttle, _ = reserve(Throttle(per_second=2), 0.0)
    throttle, first = reserve(throttle, 100.0)
    _, second = reserve(throttle, 100.0)

    assert (first, second) == (0, 0.5)


def test_a_refusal_halves_the_rate_and_lets_the_host_cool() -> None:
    throttle = cool(Throttle(per_second=1), 50.0, 7.0)
    throttle, first = reserve(throttle, 50.0)
    _, second = reserve(throttle, 50.0)

    assert (first, second) == (7.0, 9.0)


def test_many_refusals_never_stop_it_for_good() -> None:
    throttle = Throttle(per_second=1)
    for _ in range(50):
        throttle = cool(throttle, 0.0, 0.0)
    _, wait = reserve(reserve(throttle, 0.0)[0], 0.0)

    assert wait <= 64


def test_answers_give_the_rate_back() -> None:
    throttle = cool(Throttle(per_second=1), 0.0, 0.0)
    for _ in range(16):
        throttle = warm(throttle)

    assert throttle.share == 1.0
