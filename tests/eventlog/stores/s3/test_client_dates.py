"""Instants in responses: those of headers and those of members."""

from datetime import UTC, datetime

import pytest

from eventlog.stores.s3.client import parse_date


@pytest.mark.parametrize(
    "text", ["Tue, 01 Dec 2026 03:11:05 GMT", "2026-12-01T03:11:05.000Z", "2026-12-01T03:11:05Z"]
)
def test_headers_and_members_name_the_same_instant(text: str) -> None:
    assert parse_date(text) == datetime(2026, 12, 1, 3, 11, 5, tzinfo=UTC)
