"""Options that take a time: parsed, and the resolved instant printed on stderr."""

from cli.options.global_options import print_message


def resolve_as_of(text: str | None) -> int | None:
    """Returns the instant of `--as-of` and prints it. Raises `BadTime`, also for the future."""
    from cli.options.times import format_time, parse_as_of
    from eventlog.clock import now_us

    if text is None:
        return None
    instant = parse_as_of(text, now_us())
    print_message(f"as of {format_time(instant)}")
    return instant


def resolve_since(text: str | None) -> int | None:
    """Returns the inclusive start of a range and prints it. Raises `BadTime`."""
    return _resolve("since", text)


def resolve_until(text: str | None) -> int | None:
    """Returns the exclusive end of a range and prints it. Raises `BadTime`."""
    return _resolve("until", text)


def resolve_range(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Returns start and end of a range and prints them. Raises as `check_range` does."""
    begin, end = resolve_since(since), resolve_until(until)
    check_range(begin, end)
    return begin, end


def check_range(since: int | None, until: int | None) -> None:
    """Raises `Invalid` for a range that no event can be in: empty, after now, before 1970."""
    from cli.options.times import format_time
    from eventlog.clock import now_us
    from eventlog.errors import Invalid

    if since is not None and since > now_us():
        raise Invalid(f"since {format_time(since)}: that is in the future, nothing can match")
    if until is not None and until <= 0:
        raise Invalid(f"until {format_time(until)}: that is before 1970, nothing can match")
    if since is not None and until is not None and since >= until:
        end = format_time(until)
        raise Invalid(f"since {format_time(since)}, until {end}: the range is empty")


def _resolve(word: str, text: str | None) -> int | None:
    from cli.options.times import format_time, parse_time
    from eventlog.clock import now_us

    if text is None:
        return None
    instant = parse_time(text, now_us())
    print_message(f"{word} {format_time(instant)}")
    return instant
