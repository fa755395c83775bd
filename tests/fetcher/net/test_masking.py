"""Filters for secrets: the text of an exception never quotes what must stay secret."""

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from fetcher.net.masking import describe_exception

KEY = "sk-or-v1-0123456789abcdef"
URL_ = URL("http://127.0.0.1/a")


def response_error(message: str) -> aiohttp.ClientResponseError:
    request = aiohttp.RequestInfo(URL_, "GET", CIMultiDictProxy(CIMultiDict()), URL_)
    return aiohttp.ClientResponseError(request, (), status=400, message=message)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            response_error("Invalid header token:\n\n  b'Set-Cookie a=SECRET'\n      ^"),
            "Invalid header token",
        ),
        (
            response_error("Got more than 8190 bytes when reading: b'a=SECRET...'."),
            "Got more than 8190 bytes when reading",
        ),
        (ValueError("cannot read b'a=SECRET' here"), "cannot read …"),
        (ValueError('cannot read b"a=\'SECRET" here'), "cannot read …"),
        (ValueError("in Set-Cookie: a=1; b=SECRET"), "in Set-Cookie …"),
        (ValueError("'cookie' is 'SECRET'"), "'cookie …"),
        (ValueError("Authorization: Bearer SECRET"), "Authorization …"),
        (
            aiohttp.InvalidURL("http://user:SECRET@host:x/"),
            "http://…@host:x/",
        ),
        (ValueError("netloc 'user:SECRET@hôst' is wrong"), "netloc '…@hôst' is wrong"),
        (
            ValueError("http://x/?a=1&access_token=SECRET&b=2"),
            "http://x/?a=1&access_token=…&b=2",
        ),
        (ValueError("http://x/?X-Amz-Signature=SECRET"), "http://x/?X-Amz-Signature=…"),
        (ValueError(f"echoes {KEY}!"), f"echoes {'*' * len(KEY)}!"),
        (ConnectionResetError(104, "Connection reset"), "[Errno 104] …"),
        (TimeoutError(), "timed out"),
        (ValueError("two\n  lines"), "two lines"),
    ],
)
def test_the_text_of_an_exception_is_one_line_without_secrets(error: Exception, text: str) -> None:
    described = describe_exception(error, KEY)

    assert "SECRET" not in described and KEY not in described
    if not isinstance(error, ConnectionResetError | aiohttp.InvalidURL):
        assert described == text


def test_a_long_text_is_shortened() -> None:
    assert len(describe_exception(ValueError("x" * 9999))) < 600
