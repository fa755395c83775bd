"""The assets that lines name: their own member, never one of a body."""

import pytest

from eventlog.format.event import ANOMALY, Draft
from eventlog.format.named_assets import named_assets
from tests.eventlog.format.drafts import line_of

A, B = "0a" * 32, "ff" * 32


def test_lines_name_the_assets_of_their_events() -> None:
    lines = [line_of(Draft(kind=ANOMALY, body_asset=name)) for name in (A, None, B, A)]

    assert named_assets(b"".join(lines)) == {A, B}
    assert named_assets(lines[1]) == frozenset()


@pytest.mark.parametrize(
    "line",
    [
        line_of(Draft(kind=ANOMALY, body=b'{"a":0,"body_asset":"%s"}' % A.encode())),
        b'{"v":1,"body_asset":"%s"' % A.encode(),
        b'{"v":1,"body_asset":"0A"}',
        b'{"v":1,"body_asset":"\xff"}',
    ],
    ids=["body", "damaged", "no-name", "no-text"],
)
def test_what_is_no_member_of_a_line_names_nothing(line: bytes) -> None:
    assert named_assets(line) == frozenset()
