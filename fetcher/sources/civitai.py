"""Civitai: models with embedded versions and images, images, creators, tags. Pure.

Listings change during a pagination, and upstream may truncate them silently. So no listing
proves absence, and no endpoint has a `scope`. Page cursors are opaque; only `creators` and
`tags` use page numbers.
"""

import msgspec

from eventlog.body.split_rules import Rule, id_member, id_text
from eventlog.clock import DAY
from fetcher.saved_query import SavedQuery, SavedRequest
from fetcher.source import (
    Endpoint,
    FollowUp,
    Listing,
    Params,
    Partition,
    Probe,
    RecogniseBody,
    Source,
    decode_as,
    probe_listing,
    with_query,
)
from fetcher.sources.civitai_pages import (
    MEDIA,
    civitai_continuation,
    fault,
    next_page,
    single_levels,
    skip_entity,
)
from fetcher.sources.civitai_params import IMAGE_PARAMS, MODEL_PARAMS
from fetcher.sources.civitai_requests import (
    creator_requests,
    creators_of_image,
    model_requests,
    version_requests,
    versions_in_image,
)

_MODEL_SHAPE_PARAMS = frozenset({"nsfw", "baseModels", "primaryFileOnly"})
_IMAGE_SHAPE_PARAMS = frozenset({"withMeta", "flatMeta", "withTags"})
"""Parameters that change the members of an item."""
_ID = id_member("id")
PERIODS = ("Day", "Week", "Month", "Year", "AllTime")


def _models(params: Params) -> tuple[Rule, ...]:
    embedded = with_query("embedded", params, _MODEL_SHAPE_PARAMS)
    return (
        Rule("/items", "model", with_query("list", params, _MODEL_SHAPE_PARAMS), _ID),
        Rule("/items/*/modelVersions", "modelVersion", embedded, _ID),
        Rule("/items/*/modelVersions/*/images", "image", embedded, _ID),
    )


def _model(params: Params) -> tuple[Rule, ...]:
    # In a detail, a version has other members than in a list: one shape would show changes.
    embedded = "embedded?in=detail"
    return (
        Rule("", "model", "detail", _ID),
        Rule("/modelVersions", "modelVersion", embedded, _ID),
        Rule("/modelVersions/*/images", "image", embedded, _ID),
    )


def _version(shape: str) -> tuple[Rule, ...]:
    embedded = "embedded?in=" + shape
    return Rule("", "modelVersion", shape, _ID), Rule("/images", "image", embedded, _ID)


def _images(params: Params) -> tuple[Rule, ...]:
    return (Rule("/items", "image", with_query("list", params, _IMAGE_SHAPE_PARAMS), _ID),)


def _creators(params: Params) -> tuple[Rule, ...]:
    return (Rule("/items", "creator", "list", id_member("username")),)


def _tags(params: Params) -> tuple[Rule, ...]:
    return (Rule("/items", "tag", "list", id_member("name")),)


class _ListPage(msgspec.Struct):
    items: list[dict[str, msgspec.Raw]]


def _is_page_with(*names: str) -> RecogniseBody:
    """Recognises a page whose first item has these members."""

    def recognise(body: bytes) -> Params | None:
        page = decode_as(body, _ListPage)
        return {} if page and page.items and set(names) <= page.items[0].keys() else None

    return recognise


def _is_detail_with(*names: str) -> RecogniseBody:
    """Recognises a detail that has these members, `id` among them."""

    def recognise(body: bytes) -> Params | None:
        members = decode_as(body, dict[str, msgspec.Raw]) or {}
        is_match = set(names) <= members.keys()
        spelled = bytes(members.get("id", b""))
        return {"id": id_text(spelled) or '""'} if is_match else None

    return recognise


def _probe(type_: str, path: str) -> Probe:
    """Requires several refusals over days: Civitai answers 404 for existing models, too."""
    return Probe(
        type_,
        path,
        lambda id_: {"id": id_},
        refusals_needed=3,
        min_span_us=3 * DAY,
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
            civitai_continuation,
            recognise=_is_page_with("id", "modelVersions"),
            size_param="limit",
            skip_entity=skip_entity,
        ),
        Endpoint("/models/:id", _model, recognise=_is_detail_with("id", "modelVersions")),
        Endpoint(
            "/images",
            _images,
            civitai_continuation,
            recognise=_is_page_with("id", "url", "postId"),
            size_param="limit",
            skip_entity=skip_entity,
        ),
        Endpoint(
            "/creators",
            _creators,
            civitai_continuation,
            recognise=_is_page_with("username", "link"),
            skip_entity=next_page,
        ),
        Endpoint(
            "/tags",
            _tags,
            civitai_continuation,
            recognise=_is_page_with("name", "link"),
            skip_entity=next_page,
        ),
        Endpoint("/model-versions/by-hash/:hash", lambda params: _version("by-hash")),
        Endpoint(
            "/model-versions/:id",
            lambda params: _version("detail"),
            recognise=_is_detail_with("id", "modelId"),
        ),
    ),
    listings=(
        Listing(
            "models",
            "/models",
            {"limit": "100", "nsfw": "true", "sort": "Newest"},
            settable=MODEL_PARAMS,
        ),
        Listing(
            "images",
            "/images",
            {"limit": "200", "browsingLevel": "31", "sort": "Newest", "withMeta": "true"},
            ends_silently_at=50_000,
            partitions=(
                Partition("browsingLevel", single_levels),
                Partition("type", lambda params: () if "type" in params else MEDIA),
                Partition("username", named_values=creators_of_image),
                Partition("modelVersionId", named_values=versions_in_image),
            ),
            settable=IMAGE_PARAMS,
        ),
        Listing(
            "versions-of-images",
            "/model-versions/:id",
            follow_ups=(
                FollowUp(
                    "images",
                    "image",
                    version_requests,
                    lambda params: ("modelVersion", params["id"], "detail"),
                ),
            ),
            by_default=False,
        ),
        Listing(
            "models-of-images",
            "/models/:id",
            follow_ups=(
                FollowUp(
                    "versions-of-images",
                    "modelVersion",
                    model_requests,
                    lambda params: ("model", params["id"], "detail"),
                ),
            ),
            by_default=False,
        ),
        Listing(
            "creators-of-images",
            "/creators",
            follow_ups=(
                FollowUp(
                    "images",
                    "image",
                    creator_requests,
                    lambda params: ("creator", params["query"], "list"),
                ),
            ),
            by_default=False,
        ),
        probe_listing("gone-models", _probe("model", "/models/:id")),
        probe_listing("gone-versions", _probe("modelVersion", "/model-versions/:id")),
        Listing("creators", "/creators", {"limit": "200"}, by_default=False),
        Listing("tags", "/tags", {"limit": "200"}, by_default=False),
    ),
    templates=(
        SavedQuery("images-of-model", (SavedRequest("images"),), "modelId"),
        SavedQuery("images-of-version", (SavedRequest("images"),), "modelVersionId"),
        SavedQuery("images-of-user", (SavedRequest("images"),), "username"),
        SavedQuery("models-of-user", (SavedRequest("models"),), "username"),
        SavedQuery(
            "top-images",
            (SavedRequest("images", {"sort": "Most Reactions"}),),
            "period",
            "Week",
            PERIODS,
        ),
        SavedQuery(
            "top-models",
            (SavedRequest("models", {"sort": "Most Downloaded"}),),
            "period",
            "Week",
            PERIODS,
        ),
        SavedQuery("model", (SavedRequest("/models/:id"),), "id"),
        SavedQuery("version", (SavedRequest("/model-versions/:id"),), "id"),
        SavedQuery("version-by-hash", (SavedRequest("/model-versions/by-hash/:hash"),), "hash"),
        SavedQuery(
            "everything-new", (SavedRequest("models"), SavedRequest("images")), until_known=True
        ),
    ),
    fault=fault,
)
