"""Says on stderr when the views that a command reads are behind the log."""

from pathlib import Path

from cli.options.global_options import print_message

_FOLLOWING_US = 60_000_000
"""Age of the last update up to which nothing is said: `view update --follow` is never current."""


def say_if_behind(root: Path, as_of: int | None = None) -> None:
    """Prints how far the views are behind the log, if they are. `as_of`: an instant in the past
    that the last update had reached needs no newer events."""
    from cli.options.times import format_ago
    from eventlog.clock import now_us
    from projector.update.last_update import unread_segments

    unread = unread_segments(root)
    if unread is None:
        return
    (updated_at, count), now = unread, now_us()
    if now - updated_at < _FOLLOWING_US or (as_of is not None and as_of <= updated_at):
        return
    segments = "1 segment has" if count == 1 else f"{count:,} segments have"
    print_message(
        f"the views are behind the log: updated {format_ago(updated_at, now)}, {segments} new"
        " events since: hindlog view update"
    )
