"""Finds the recordings that the options of an import name: in files, or in git histories."""

from collections.abc import Sequence
from pathlib import Path

from eventlog.clock import Clock, now_us
from fetcher.imports.files.input_files import OnLeftOut
from fetcher.imports.git_history import list_git_recordings
from fetcher.imports.recordings import Recording, choose_time_of, list_recordings


def find_recordings(
    paths: Sequence[Path],
    observed_at: int | None,
    time_from: str,
    on_left_out: OnLeftOut | None = None,
    now: Clock = now_us,
) -> list[Recording]:
    """Returns the recordings among the paths, as `list_recordings` does.

    `time_from` is `name`, `mtime` or `git`; `observed_at` overrides it. Times before 1970 and
    after `now` are refused.
    """
    if time_from == "git" and observed_at is None:
        return list_git_recordings(list(paths), on_left_out, now)
    return list_recordings(paths, choose_time_of(time_from, observed_at, now), on_left_out)
