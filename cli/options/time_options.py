"""Moments: times of options, echoed on stderr as they were understood."""

from cli.options.global_options import say


def instant_of(text: str | None) -> int | None:
    """An as-of, echoed. Raises `BadTime`, also for the future."""
    from cli.options.times import format_time, parse_as_of
    from eventlog.clock import now_us

    if text is None:
        return None
    instant = parse_as_of(text, now_us())
    say(f"as of {format_time(instant)}")
    return instant


def since_of(text: str | None) -> int | None:
    """The first instant of a range, echoed. Raises `BadTime`."""
    return _echoed("since", text)


def until_of(text: str | None) -> int | None:
    """The first instant behind a range, echoed. Raises `BadTime`."""
    return _echoed("until", text)


def _echoed(word: str, text: str | None) -> int | None:
    from cli.options.times import format_time, parse_time
    from eventlog.clock import now_us

    if text is None:
        return None
    instant = parse_time(text, now_us())
    say(f"{word} {format_time(instant)}")
    return instant
