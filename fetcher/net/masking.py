"""Filters for secrets: what upstream or a library wrote must not reach the log with them. Pure."""

import re
from collections.abc import Callable
from urllib.parse import quote

import aiohttp

_MAX_ERROR_CHARS = 500
_MAX_FILTERED_CHARS = 2000
"""Longest text that is filtered; beyond `_MAX_ERROR_CHARS`, so that no secret is cut in two."""
_QUOTED_BYTES = re.compile(r"""\s*\bb\\*['"].*""")
"""Bytes of a response that an exception quotes, and what follows them."""
_HEADERS = re.compile(r"(?i)\b((?:set-)?cookie2?|(?:proxy-)?authorization)\b.*")
_USER = re.compile(r"""[^\s/'"@]{1,256}@""")
"""User and password in a URL."""
_QUERY = re.compile(r"""(?i)\b([\w-]*(?:token|key|secret|password|signature|session)=)[^\s&'")]+""")

_TLS_SETTING = re.compile(r" ssl:\S+")
"""What aiohttp adds to the name of a host."""


def key_masker(key: str | None) -> Callable[[bytes], tuple[bytes, bool]]:
    """Returns a function that replaces a key by asterisks of the same length; its second
    result is whether the text contained the key."""
    forms = {key.encode(), quote(key, safe="").encode()} if key else set()

    def mask(data: bytes) -> tuple[bytes, bool]:
        is_present = False
        for form in forms:
            if form in data:
                data, is_present = data.replace(form, b"*" * len(form)), True
        return data, is_present

    return mask


def mask_key(text: str, key: str | None) -> str:
    """Returns the text with the key masked."""
    return key_masker(key)(text.encode("utf-8", "replace"))[0].decode("utf-8", "replace")


def describe_exception(error: BaseException, key: str | None = None) -> str:
    """Returns the text of an exception, in one line and without secrets and names of types.

    Bytes that the text quotes, cookies, passwords, keys and tokens are left out.
    """
    text = str(error)
    if isinstance(error, aiohttp.ClientResponseError):
        text = error.message.partition(":")[0]  # the parser of HTTP quotes the rest from upstream
    text = " ".join(text[:_MAX_FILTERED_CHARS].split())
    text = _QUOTED_BYTES.sub(" …", text)
    text = _HEADERS.sub(r"\1 …", text)
    text = _USER.sub("…@", text)
    text = mask_key(_QUERY.sub(r"\1…", text), key)[:_MAX_ERROR_CHARS]
    if not text:
        return "timed out" if isinstance(error, TimeoutError) else type(error).__name__
    return _TLS_SETTING.sub("", text)
