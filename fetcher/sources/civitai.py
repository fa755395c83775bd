"""Civitai: models with versions and images inside, images, creators, tags. Pure.

Listings move while one walks them and end without saying whether that was the end, so
none of them proves that something is gone (`scope` stays empty). Page cursors are
opaque; only `creators` and `tags` count pages.
"""

import msgspec

from eventlog.body.split_rules import Entity, Rule, id_member
from eventlog.clock import DAY
from fetcher.saved_query import Query, Template
from fetcher.source import (
    Endpoint,
    Follow,
    Listing,
    Params,
    Partition,
    Probe,
    Recognise,
    Source,
    look,
    probing,
    with_query,
)
from fetcher.sources.civitai_pages import MEDIA, continues, fault, levels, next_page, step_over

_OF_MODELS = frozenset({"nsfw", "baseModels", "primaryFileOnly"})
"""Parameters of `/models` that change what stands inside an item."""
_OF_IMAGES = frozenset({"withMeta", "flatMeta", "withTags"})
_ID = id_member("id")
PERIODS = ("Day", "Week", "Month", "Year", "AllTime")


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


class _Listed(msgspec.Struct):
    items: list[dict[str, msgspec.Raw]]
    metadata: msgspec.Raw


def _page_with(*names: str) -> Recognise:
    def recognise(body: bytes) -> Params | None:
        page = look(body, _Listed)
        return {} if page and page.items and set(names) <= page.items[0].keys() else None

    return recognise


def _one_with(*names: str) -> Recognise:
    def recognise(body: bytes) -> Params | None:
        found = look(body, dict[str, msgspec.Raw]) or {}
        is_it = set(names) <= found.keys()
        return {"id": bytes(found["id"]).decode()} if is_it else None

    return recognise


class _Image(msgspec.Struct):
    modelVersionIds: list[int] | None = None
    meta: msgspec.Raw = msgspec.Raw(b"null")


class _Named(msgspec.Struct):
    modelVersionId: int | None = None


class _Meta(msgspec.Struct):
    civitaiResources: list[_Named] | None = None
    meta: msgspec.Raw = msgspec.Raw(b"")


def versions_of(entity: Entity) -> list[Params]:
    """The model versions an image says it was made with."""
    image = look(entity.body, _Image)
    if image is None:
        return []
    meta = look(bytes(image.meta), _Meta)
    if meta is not None and bytes(meta.meta):  # wrapped once more, on one of the paths
        meta = look(bytes(meta.meta), _Meta)
    named = meta.civitaiResources or [] if meta else []
    found = [*(image.modelVersionIds or []), *(each.modelVersionId for each in named)]
    return [{"id": str(each)} for each in dict.fromkeys(found) if each is not None]


def _versions_named(entity: Entity) -> list[str]:
    return [each["id"] for each in versions_of(entity)]


class _Authored(msgspec.Struct):
    username: str | None = None


def _author(entity: Entity) -> list[str]:
    found = look(entity.body, _Authored)
    return [found.username] if found and found.username else []


class _Version(msgspec.Struct):
    modelId: int | None = None


def creator_of(entity: Entity) -> list[Params]:
    """The creator of an image; a creator has no address but a search."""
    return [{"query": name, "limit": "20"} for name in _author(entity)]


def model_of(entity: Entity) -> list[Params]:
    """The model of a version that was fetched for itself."""
    version = look(entity.body, _Version)
    return [{"id": str(version.modelId)}] if version and version.modelId else []


def _gone(type_: str, path: str) -> Probe:
    """A 404 is no deletion: live models answer it for days."""
    return Probe(
        type_,
        path,
        lambda id_: {"id": id_},
        times=3,
        over_us=3 * DAY,
        subject=lambda params: params.get("id"),
        by_listing=False,
    )


CIVITAI = Source(
    name="civitai",
    base_url="https://civitai.com/api/v1",
    endpoints=(
        Endpoint(
            "/models",
            _models,
            continues,
            recognise=_page_with("id", "modelVersions"),
            size_param="limit",
            step_over=step_over,
        ),
        Endpoint("/models/:id", _model, recognise=_one_with("id", "modelVersions")),
        Endpoint(
            "/images",
            _images,
            continues,
            recognise=_page_with("id", "url", "postId"),
            size_param="limit",
            step_over=step_over,
        ),
        Endpoint(
            "/creators",
            _creators,
            continues,
            recognise=_page_with("username", "link"),
            step_over=next_page,
        ),
        Endpoint(
            "/tags",
            _tags,
            continues,
            recognise=_page_with("name", "link"),
            step_over=next_page,
        ),
        Endpoint("/model-versions/by-hash/:hash", lambda params: _version("by-hash")),
        Endpoint(
            "/model-versions/:id",
            lambda params: _version("detail"),
            recognise=_one_with("id", "modelId"),
        ),
    ),
    listings=(
        Listing("models", "/models", {"limit": "100", "nsfw": "true", "sort": "Newest"}),
        Listing(
            "images",
            "/images",
            {"limit": "200", "browsingLevel": "31", "sort": "Newest", "withMeta": "true"},
            ends_silently_at=50_000,
            partitions=(
                Partition("browsingLevel", levels),
                Partition("type", lambda params: () if "type" in params else MEDIA),
                Partition("username", met=_author),
                Partition("modelVersionId", met=_versions_named),
            ),
        ),
        Listing(
            "versions-of-images",
            "/model-versions/:id",
            follows=(
                Follow(
                    "images",
                    "image",
                    versions_of,
                    lambda params: ("modelVersion", params["id"], "detail"),
                ),
            ),
            by_default=False,
        ),
        Listing(
            "models-of-images",
            "/models/:id",
            follows=(
                Follow(
                    "versions-of-images",
                    "modelVersion",
                    model_of,
                    lambda params: ("model", params["id"], "detail"),
                ),
            ),
            by_default=False,
        ),
        Listing(
            "creators-of-images",
            "/creators",
            follows=(
                Follow(
                    "images",
                    "image",
                    creator_of,
                    lambda params: ("creator", params["query"], "list"),
                ),
            ),
            by_default=False,
        ),
        probing("gone-models", _gone("model", "/models/:id")),
        probing("gone-versions", _gone("modelVersion", "/model-versions/:id")),
        Listing("creators", "/creators", {"limit": "200"}, by_default=False),
        Listing("tags", "/tags", {"limit": "200"}, by_default=False),
    ),
    templates=(
        Template("images-of-model", (Query("images"),), "modelId"),
        Template("images-of-version", (Query("images"),), "modelVersionId"),
        Template("images-of-user", (Query("images"),), "username"),
        Template("models-of-user", (Query("models"),), "username"),
        Template(
            "top-images", (Query("images", {"sort": "Most Reactions"}),), "period", "Week", PERIODS
        ),
        Template(
            "top-models", (Query("models", {"sort": "Most Downloaded"}),), "period", "Week", PERIODS
        ),
        Template("model", (Query("/models/:id"),), "id"),
        Template("version", (Query("/model-versions/:id"),), "id"),
        Template("version-by-hash", (Query("/model-versions/by-hash/:hash"),), "hash"),
        Template("everything-new", (Query("models"), Query("images")), until_known=True),
    ),
    fault=fault,
)
