"""Parameters, error responses and page links of Civitai's listings. Pure."""

from collections.abc import Mapping
from urllib.parse import quote

from fetcher.simulator.world.world import Answer, Json, Request, number_in, refuse

TOO_MANY = "You've requested too many pages, please use cursors instead"


def limit_of(query: Mapping[str, str], default: int, most: int) -> int | Answer:
    """Returns the page size, or status 400 for an invalid one."""
    limit = number_in(query, "limit", default)
    if limit is None or limit < 0:
        return invalid("limit", "Expected a number of at least 0")
    return invalid("limit", f"Expected a number of at most {most}") if limit > most else limit


def too_many(query: Mapping[str, str], limit: int) -> Answer | None:
    """Returns status 429, which no retry resolves, if `page * limit` is over 1000."""
    page = number_in(query, "page", 1)
    if page is not None and page * limit > 1000:
        return refuse({"error": TOO_MANY}, 429)
    return None


def invalid(name: str, message: str) -> Answer:
    """Returns status 400 with the error object of the server's schema library."""
    issue = {"code": "custom", "path": [name], "message": message}
    return refuse({"error": {"name": "ZodError", "issues": [issue]}}, 400)


def bad_cursor(cursor: str) -> Answer:
    """Returns status 400 for a cursor that does not belong to the sort order."""
    return refuse({"error": f"Invalid cursor: {cursor}"}, 400)


def link(request: Request, **changed: str | int) -> str:
    """Returns the absolute URL of the request with some parameters changed, without cursor."""
    kept = {k: v for k, v in request.query.items() if k not in changed and k != "cursor"}
    pairs = {**kept, **{key: str(value) for key, value in changed.items()}}
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs.items())
    return f"{request.origin}{request.path}?{query}"


def metadata(request: Request, cursor: str | None, limit: int) -> Json:
    """Returns the `metadata` of a page; without `nextCursor` and `nextPage` on the last one."""
    members: Json = {}
    if cursor is not None:
        members = {"nextCursor": cursor, "nextPage": link(request, cursor=cursor)}
    page = number_in(request.query, "page", 1)
    if "page" in request.query and page is not None:
        members |= {"currentPage": page, "pageSize": limit}
    return members


def listed(query: Mapping[str, str], name: str) -> list[str]:
    """Returns the values of a parameter that may be repeated or contain commas."""
    return [part for part in query.get(name, "").split(",") if part]
