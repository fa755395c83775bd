"""OpenRouter: models, their endpoints, providers, and the catalog of the website. Pure.

Every listing is complete in one response, which proves absence: each has a scope. The
public endpoints (an `endpoint` is a model at a provider) have no id. Their id here is the
requested model and the routing tag, numbered if a page contains it twice.
"""

import json
from collections.abc import Mapping

import msgspec

from eventlog.body.split_rules import Entity, Identity, Rule
from eventlog.clock import HOUR
from fetcher.listing_params import ListingParam
from fetcher.saved_query import SavedQuery, SavedRequest
from fetcher.source import (
    Endpoint,
    FollowUp,
    Listing,
    Params,
    Probe,
    RecogniseBody,
    Rules,
    Source,
    decode_as,
    probe_listing,
    with_query,
)
from fetcher.sources.openrouter_bodies import (
    recognise_endpoints,
    recognise_list_with,
    recognise_models,
)
from fetcher.sources.openrouter_pages import openrouter_continuation, openrouter_single_page

MODELS = "/api/v1/models"
ENDPOINTS = "/api/v1/models/:author/:slug/endpoints"
MODEL = "/api/v1/model/:author/:slug"
CATALOG = "/api/frontend/v1/catalog/models"
STATS = "/api/frontend/v1/stats/endpoint"
_LENIENT = json.JSONDecoder(strict=False)  # `json.loads` would make one per string

_NON_FILTER_PARAMS = frozenset({"offset", "limit", "sort", "use_rss", "use_rss_chat_links"})
"""Parameters of `/models` that do not change which models are listed."""
_OUTPUT = ListingParam("output_modalities", "what a model returns, such as image")
_FILTERS = (
    ListingParam("category", "a category, such as programming"),
    ListingParam("model_authors", "the author of a model, such as openai"),
    ListingParam("providers", "the name of a provider"),
    ListingParam("input_modalities", "what a model takes, such as image"),
    ListingParam("supported_parameters", "a parameter of requests, such as tools"),
)


def _models(params: Params) -> tuple[Rule, ...]:
    return (Rule("/data", "model", "list", _text_id("id")),)


def _endpoints(params: Params) -> tuple[Rule, ...]:
    model = requested_model(params)
    identity = _endpoint_identity(model)
    parent = ("model", model)
    return (Rule("/data/endpoints", "endpoint", "list", identity, True, parent),)


def requested_model(params: Params) -> str:
    """Returns the id of the model that a request names."""
    return f"{params.get('author', '')}/{params.get('slug', '')}"


def _text_id(name: str) -> Identity:
    """Returns the identity for an id in one member; all ids of OpenRouter are texts."""

    def spell(members: Mapping[str, bytes]) -> bytes | None:
        value = members.get(name, b"")
        return value if _decode_string(value) else None

    return Identity((name,), spell)


def _endpoint_identity(model: str) -> Identity:
    """Identity `model#tag`. An endpoint without a tag has none: any other name would be that
    of another endpoint."""

    def endpoint_id(members: Mapping[str, bytes]) -> bytes | None:
        tag = _decode_string(members.get("tag", b"null"))
        return _encode_string(f"{model}#{tag}") if tag else None

    return Identity(("tag",), endpoint_id)


def _catalog_id(members: Mapping[str, bytes]) -> bytes | None:
    """Returns `slug:variant`, the id of the model in the public API."""
    slug = _decode_string(members.get("slug", b"null"))
    if not slug:
        return None
    variant = _variant(members.get("endpoint", b"null"))
    return _encode_string(slug if variant in ("", "standard") else f"{slug}:{variant}")


def _variant(endpoint: bytes) -> str:
    decoded = decode_as(endpoint, _HasVariant)
    return decoded.variant or "" if decoded else ""


class _HasVariant(msgspec.Struct):
    variant: str | None = None


def _decode_string(text: bytes) -> str:
    """Decodes a JSON string; "" for any other value."""
    try:
        value = _LENIENT.decode(text.decode("utf-8", "replace"))
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""


def _encode_string(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def _data_rules(
    type_: str, shape: str, identity: Identity, *, number_repeats: bool = False
) -> Rules:
    return lambda params: (Rule("/data", type_, shape, identity, number_repeats),)


def _single_page_endpoint(path: str, rules: Rules, recognise: RecogniseBody) -> Endpoint:
    """Endpoint that lists everything in one response; its scope is its path."""
    return Endpoint(path, rules, openrouter_single_page, lambda params: path, recognise)


def _scope_of_models(params: Params) -> str:
    return with_query(MODELS, params, frozenset(params) - _NON_FILTER_PARAMS)


def _scope_of_endpoints(params: Params) -> str:
    return f"{MODELS}/{requested_model(params)}/endpoints"


def _scope_of_stats(params: Params) -> str:
    return with_query(STATS, params, frozenset({"permaslug", "variant"}))


def _endpoint_requests(entity: Entity) -> list[Params]:
    """Returns the request for a model's endpoints; none for an alias (`~…`)."""
    params = _model_params(entity.id)
    return [params] if params and not entity.id.startswith("~") else []


def _model_params(id_: str) -> Params | None:
    author, _, slug = id_.partition("/")
    return {"author": author, "slug": slug} if slug else None


def _params_of_endpoint(id_: str) -> Params | None:
    """Returns the request for an endpoint with a public id (`model#tag`); None for a UUID."""
    model, separator, _ = id_.partition("#")
    return _model_params(model) if separator else None


def _model_of_endpoint(id_: str) -> tuple[str, str] | None:
    model, separator, _ = id_.partition("#")
    return ("model", model) if separator else None


class _CatalogRow(msgspec.Struct):
    permaslug: str | None = None
    endpoint: _HasVariant | None = None


def _stats_requests(entity: Entity) -> list[Params]:
    """Returns the request for the statistics of a catalog row; none for a retired one, which
    has no endpoint, and for an alias, which repeats its target."""
    row = decode_as(entity.body, _CatalogRow)
    if row is None or row.endpoint is None or not row.permaslug or row.permaslug.startswith("~"):
        return []
    return [{"permaslug": row.permaslug, "variant": row.endpoint.variant or "standard"}]


OPENROUTER = Source(
    name="openrouter",
    base_url="https://openrouter.ai",
    endpoints=(
        Endpoint(
            MODELS,
            _models,
            openrouter_continuation,
            _scope_of_models,
            recognise_models,
            recognises_elements=True,
        ),
        Endpoint(
            ENDPOINTS, _endpoints, openrouter_single_page, _scope_of_endpoints, recognise_endpoints
        ),
        _single_page_endpoint(
            "/api/v1/providers",
            _data_rules("provider", "list", _text_id("slug")),
            recognise_list_with("name", "slug", "privacy_policy_url"),
        ),
        Endpoint(
            MODEL,
            lambda params: (Rule("/data", "model", "detail", _text_id("id")),),
        ),
        _single_page_endpoint(
            CATALOG,
            _data_rules(
                "catalog",
                "frontend",
                Identity(("slug", "endpoint"), _catalog_id),
                number_repeats=True,
            ),
            recognise_list_with("slug", "permaslug", "endpoint"),
        ),
        Endpoint(
            STATS,
            _data_rules("endpoint", "frontend", _text_id("id")),
            openrouter_single_page,
            _scope_of_stats,
        ),
        _single_page_endpoint(
            "/api/frontend/v1/all-providers",
            _data_rules("provider", "frontend", _text_id("slug")),
            recognise_list_with("name", "slug", "displayName"),
        ),
    ),
    listings=(
        Listing("models", MODELS, settable=(*_FILTERS, _OUTPUT), typical_entities=420),
        Listing(
            "models-all",
            MODELS,
            {"output_modalities": "all"},
            settable=_FILTERS,
            typical_entities=485,
        ),
        Listing("providers", "/api/v1/providers", typical_entities=100),
        Listing(
            "endpoints",
            ENDPOINTS,
            follow_ups=(
                FollowUp("models", "model", _endpoint_requests),
                FollowUp("models-all", "model", _endpoint_requests, requests_per_entity=0.9),
            ),
        ),
        Listing("catalog", CATALOG, typical_entities=900),
        Listing("all-providers", "/api/frontend/v1/all-providers", typical_entities=80),
        Listing(
            "stats",
            STATS,
            follow_ups=(FollowUp("catalog", "catalog", _stats_requests, requests_per_entity=0.56),),
        ),
        probe_listing(
            "gone-models",
            Probe("model", MODEL, _model_params, refusals_needed=2, min_span_us=HOUR // 2),
        ),
        probe_listing(
            "gone-endpoints",
            Probe(
                "endpoint",
                ENDPOINTS,
                _params_of_endpoint,
                refusals_needed=2,
                min_span_us=HOUR // 2,
                parent=_model_of_endpoint,
            ),
        ),
    ),
    templates=(
        SavedQuery("model", (SavedRequest(MODEL), SavedRequest(ENDPOINTS)), "author/slug"),
        SavedQuery("endpoints-of-model", (SavedRequest(ENDPOINTS),), "author/slug"),
        SavedQuery(
            "everything-new",
            (SavedRequest("models"), SavedRequest("models-all"), SavedRequest("catalog")),
        ),
    ),
)
