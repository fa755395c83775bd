"""Civitai: models with versions and images inside, images, creators, tags. Pure.

Listings move while one walks them and end without saying whether that was the end, so
none of them proves that something is gone (`scope` stays empty). Page cursors are
opaque; only `creators` and `tags` count pages.
"""

from collections.abc import Mapping
from typing import Any

from eventlog.split import Rule, id_member
from fetcher.source import (
    Endpoint,
    Listing,
    Page,
    Params,
    Source,
    match_query,
    read_member,
    text_of,
    with_query,
)

_OF_MODELS = frozenset({"nsfw", "baseModels", "primaryFileOnly"})
"""Parameters of `/models` that change what stands inside an item."""
_OF_IMAGES = frozenset({"withMeta", "flatMeta", "withTags"})
_ID = id_member("id")


def _models(params: Params) -> tuple[Rule, ...]:
    embedded = with_query("embedded", params, _OF_MODELS)
    return (
        Rule("/items", "model", with_query("list", params, _OF_MODELS), _ID),
        Rule("/items/*/modelVersions", "modelVersion", embedded, _ID),
        Rule("/items/*/modelVersions/*/images", "image", embedded, _ID),
    )


def _model(params: Params) -> tuple[Rule, ...]:
    # A version inside a detail has other members than one inside a list: its own shape,
    # or every crawl of both would look like a change and a change back.
    embedded = "embedded?in=detail"
    return (
        Rule("", "model", "detail", _ID),
        Rule("/modelVersions", "modelVersion", embedded, _ID),
        Rule("/modelVersions/*/images", "image", embedded, _ID),
    )


def _version(shape: str) -> tuple[Rule, ...]:
    inside = "embedded?in=" + shape
    return Rule("", "modelVersion", shape, _ID), Rule("/images", "image", inside, _ID)


def _images(params: Params) -> tuple[Rule, ...]:
    return (Rule("/items", "image", with_query("list", params, _OF_IMAGES), _ID),)


def _creators(params: Params) -> tuple[Rule, ...]:
    return (Rule("/items", "creator", "list", id_member("username")),)


def _tags(params: Params) -> tuple[Rule, ...]:
    return (Rule("/items", "tag", "list", id_member("name")),)


def continues(envelope: bytes, params: Params) -> Page:
    """The page cursor as upstream gives it, or the next page number where pages count.

    A listing without metadata at all is a timeout in disguise: not believed to be the end.
    """
    metadata = read_member(envelope, "metadata")
    url = text_of(metadata.get("nextPage"))
    cursor = text_of(metadata.get("nextCursor"))
    if cursor is not None:
        return Page({"cursor": cursor}, url, False)
    onward = match_query(url or "", ("cursor", "page"))
    return Page(onward or None, url, bool(metadata) and not onward)


def _items(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first item of a recorded page; empty for a page without any; None: no page."""
    items = body.get("items")
    if not isinstance(items, list) or "metadata" not in body:
        return None
    return items[0] if items and isinstance(items[0], dict) else {}


def _page_with(*names: str) -> Any:
    def recognise(body: Mapping[str, Any]) -> Params | None:
        first = _items(body)
        return {} if first is not None and all(name in first for name in names) else None

    return recognise


def _is_model(body: Mapping[str, Any]) -> Params | None:
    return {"id": str(body["id"])} if "modelVersions" in body and "id" in body else None


def _is_version(body: Mapping[str, Any]) -> Params | None:
    return {"id": str(body["id"])} if "modelId" in body and "id" in body else None


CIVITAI = Source(
    name="civitai",
    base_url="https://civitai.com/api/v1",
    endpoints=(
        Endpoint("/models", _models, continues, recognise=_page_with("id", "modelVersions")),
        Endpoint("/models/:id", _model, recognise=_is_model),
        Endpoint("/images", _images, continues, recognise=_page_with("id", "url", "postId")),
        Endpoint("/creators", _creators, continues, recognise=_page_with("username", "link")),
        Endpoint("/tags", _tags, continues, recognise=_page_with("name", "link")),
        Endpoint("/model-versions/by-hash/:hash", lambda params: _version("by-hash")),
        Endpoint("/model-versions/:id", lambda params: _version("detail"), recognise=_is_version),
    ),
    listings=(
        Listing("models", "/models", {"limit": "100", "nsfw": "true", "sort": "Newest"}),
        Listing(
            "images",
            "/images",
            {"limit": "200", "browsingLevel": "31", "sort": "Newest", "withMeta": "true"},
        ),
        Listing("creators", "/creators", {"limit": "200"}, by_default=False),
        Listing("tags", "/tags", {"limit": "200"}, by_default=False),
    ),
    is_poison=lambda status, body: (
        (status == 429 and b"use cursors instead" in body)
        or (status == 500 and b"URI malformed" in body)
    ),
)
