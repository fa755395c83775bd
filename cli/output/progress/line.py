"""One line that says how far a stage of a command is, for any width. Pure."""

import attrs

_FIRST_RATE_US = 1_000_000
"""Duration of a stage from which on it has a rate."""
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
"""Units of time, in seconds; a duration of less than two of one is given in the next."""
_DROPPED = ((), ("rate",), ("rate", "share"), ("rate", "left"), ("rate", "share", "left"))
"""What a line lacks that would be too long otherwise, in the order of preference."""


@attrs.frozen
class Step:
    """How far a stage is, and when it began."""

    unit: str
    """What is counted, with what is done to it: `segments read`."""
    done: int
    total: int | None
    since: int
    """Instant of the first step of this stage, in µs."""
    first: int
    """Number that was done then."""


def next_step(before: Step | None, unit: str, done: int, total: int | None, now: int) -> Step:
    """Returns the step after another one, which belongs to the same stage if it counts the same."""
    if before is None or before.unit != unit or done < before.done:
        return Step(unit, done, total, now, done)
    return attrs.evolve(before, done=done, total=total)


def describe_step(step: Step, now: int, width: int | None = None) -> str:
    """Returns `120 of 3,000 segments read, 4%, 12/s, 4 min left`, of at most `width` characters.

    A line that is too long has no rate, then no share, then no time that is left but the share;
    what is still too long is cut off.
    """
    of_total = "" if step.total is None else f" of {step.total:,}"
    text = f"{step.done:,}{of_total} {step.unit}"
    rate = _rate(step, now)
    parts = {
        "share": f"{100 * step.done // step.total}%" if step.total else "",
        "rate": "" if rate is None else _rate_text(rate),
        "left": "" if rate is None else _left_text(step, rate),
    }
    for dropped in _DROPPED:
        kept = [value for name, value in parts.items() if value and name not in dropped]
        line = ", ".join([text, *kept])
        if width is None or len(line) <= width:
            return line
    return cut_off(text, width or len(text))


def cut_off(text: str, width: int) -> str:
    """Returns a text, cut off with an ellipsis if it is longer than `width` characters."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _rate(step: Step, now: int) -> float | None:
    """Returns how many are done in a second; None while it is not known."""
    elapsed = now - step.since
    if elapsed < _FIRST_RATE_US or step.done <= step.first:
        return None
    return (step.done - step.first) / (elapsed / 1e6)


def _rate_text(rate: float) -> str:
    if rate >= 10:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def _left_text(step: Step, rate: float) -> str:
    if step.total is None or step.done >= step.total:
        return ""
    return f"{duration_text((step.total - step.done) / rate)} left"


def duration_text(seconds: float) -> str:
    """Returns a duration as a number of its largest unit of which it has at least two."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
