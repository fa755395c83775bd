"""What a page says about itself: its members, decoded as far as possible."""

import pytest

from fetcher.sources.claims import find_error, read_claims


def test_only_errors_and_the_named_members_are_read() -> None:
    page = b'{"data":[],"error":{"code":5},"errors":NaN0,"total_count":6,"other":1}'

    claims = read_claims(page, ("total_count",))

    assert claims == {"error": {"code": 5}, "errors": "errors", "total_count": 6}
    assert read_claims(b"[1]") == {}


@pytest.mark.parametrize("value", [b"null", b"false", b'""', b"[]", b"{}"])
def test_an_empty_error_is_none(value: bytes) -> None:
    assert find_error(read_claims(b'{"error":%s}' % value)) is None


def test_an_error_is_named_by_its_member() -> None:
    assert find_error(read_claims(b'{"errors":[1]}')) == "status 200 with the member 'errors'"
