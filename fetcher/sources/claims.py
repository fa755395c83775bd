"""What a page says about itself: an error although its status is 200, a count of rows. Pure."""

import json

from eventlog.body.json_spans import NotJson, member_values


def read_claims(envelope: bytes, names: tuple[str, ...] = ()) -> dict[str, object]:
    """Returns the members `error`, `errors` and those named of a page, as far as it has them.

    A member that cannot be decoded is its own name.
    """
    try:
        texts = member_values(envelope, ("error", "errors", *names))
    except NotJson:
        return {}
    return {name: _decode(name, text) for name, text in texts.items()}


def find_error(claims: dict[str, object]) -> str | None:
    """Returns the error that a page with status 200 reports; None if it reports none."""
    for name in ("error", "errors"):
        if claims.get(name) not in (None, False, "", [], {}):
            return f"status 200 with the member {name!r}"
    return None


def _decode(name: str, text: bytes) -> object:
    try:
        value: object = json.loads(text.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return name
    return value
