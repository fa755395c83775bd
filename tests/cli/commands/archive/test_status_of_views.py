"""What `status` says of the views: unchanged views are not queried again."""

from pathlib import Path

import pytest

from cli.commands.archive.status_of_views import status_of_views
from eventlog.clock import parse_us
from projector import kept_answers
from projector.query import drift


def test_unchanged_views_are_queried_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "SETTLED_US", 0)
    now = parse_us("2026-11-01T02:10:00Z")
    first = status_of_views(archive, now)
    monkeypatch.setattr(drift, "summarize_views", None)

    assert status_of_views(archive, now) == first
    assert first["position"] == "2026-11-01T02:01:00Z"
    with pytest.raises(TypeError):
        status_of_views(archive, now - 1)  # the kept summary does not reach back so far
