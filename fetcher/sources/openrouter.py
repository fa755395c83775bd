"""OpenRouter: models, their endpoints, providers, and the site's own catalog. Pure.

Every listing answers whole, so what it does not name is not there: each has a scope.
The public endpoints have no id of their own: it is the model as it was asked for and
the routing tag, numbered where a page has it twice.
"""

import json
from collections.abc import Mapping

import msgspec

from eventlog.body.split_rules import Entity, Identity, Rule, id_member
from eventlog.clock import HOUR
from fetcher.saved_query import Query, Template
from fetcher.source import (
    Endpoint,
    Follow,
    Listing,
    Page,
    Params,
    Probe,
    Recognise,
    Rules,
    Source,
    look,
    match_query,
    no_paging,
    probing,
    read_member,
    text_of,
    with_query,
)

MODELS = "/api/v1/models"
ENDPOINTS = "/api/v1/models/:author/:slug/endpoints"
MODEL = "/api/v1/model/:author/:slug"
CATALOG = "/api/frontend/v1/catalog/models"
STATS = "/api/frontend/v1/stats/endpoint"

_NO_CHOICE = frozenset({"offset", "limit", "sort", "use_rss", "use_rss_chat_links"})
"""Parameters of `/models` that do not change which models are listed."""


def _models(params: Params) -> tuple[Rule, ...]:
    return (Rule("/data", "model", "list", id_member("id")),)


def _endpoints(params: Params) -> tuple[Rule, ...]:
    model = model_of(params)
    identity = _tagged(model)
    parent = ("model", model)
    return (Rule("/data/endpoints", "endpoint", "list", identity, True, parent),)


def model_of(params: Params) -> str:
    """The model that a request names, as it was asked for."""
    return f"{params.get('author', '')}/{params.get('slug', '')}"


def _tagged(model: str) -> Identity:
    def spell(found: Mapping[str, bytes]) -> bytes | None:
        for name in ("tag", "provider_name", "name"):
            value = _text(found.get(name, b"null"))
            if value:
                return _spelled(f"{model}#{value}")
        return None

    return Identity(("tag", "provider_name", "name"), spell)


def _catalog_id(found: Mapping[str, bytes]) -> bytes | None:
    """`slug:variant`, as the model is called in the public API."""
    slug = _text(found.get("slug", b"null"))
    if not slug:
        return None
    variant = _variant(found.get("endpoint", b"null"))
    return _spelled(slug if variant in ("", "standard") else f"{slug}:{variant}")


def _variant(endpoint: bytes) -> str:
    found = look(endpoint, _HasVariant)
    return found.variant or "" if found else ""


class _HasVariant(msgspec.Struct):
    variant: str | None = None


def _text(value: bytes) -> str:
    try:
        found = json.loads(value.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return ""
    return found if isinstance(found, str) else ""


def _spelled(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def continues(envelope: bytes, params: Params, count: int) -> Page:
    """The whole list at once, unless a page size was asked for."""
    url = text_of(read_member(envelope, "links").get("next"))
    onward = match_query(url or "", ("offset", "limit"))
    return Page(onward or None, url, url is None)


def _listing(type_: str, shape: str, identity: Identity) -> Rules:
    return lambda params: (Rule("/data", type_, shape, identity, True),)


def _whole(path: str, rules: Rules, recognise: Recognise) -> Endpoint:
    return Endpoint(path, rules, no_paging, lambda params: path, recognise)


def _scope_of_models(params: Params) -> str:
    return with_query(MODELS, params, frozenset(params) - _NO_CHOICE)


def _scope_of_endpoints(params: Params) -> str:
    return f"{MODELS}/{model_of(params)}/endpoints"


def _scope_of_stats(params: Params) -> str:
    return with_query(STATS, params, frozenset({"permaslug", "variant"}))


class _Architecture(msgspec.Struct):
    output_modalities: list[str] | None = None


class _Row(msgspec.Struct):
    id: str
    pricing: msgspec.Raw
    context_length: msgspec.Raw
    architecture: _Architecture | None = None


class _Models(msgspec.Struct):
    data: list[_Row]


def _is_models(body: bytes) -> Params | None:
    """The list is of text models unless one of them gives no text."""
    found = look(body, _Models)
    if found is None or not found.data:
        return None
    outputs = (row.architecture and row.architecture.output_modalities for row in found.data)
    is_text = all("text" in each for each in outputs if each)
    return {} if is_text else {"output_modalities": "all"}


class _Details(msgspec.Struct):
    id: str
    endpoints: list[msgspec.Raw]


class _OneModel(msgspec.Struct):
    data: _Details


def _is_endpoints(body: bytes) -> Params | None:
    found = look(body, _OneModel)
    author, _, slug = found.data.id.partition("/") if found else ("", "", "")
    return {"author": author, "slug": slug} if slug else None


class _Rows(msgspec.Struct):
    data: list[dict[str, msgspec.Raw]]


def _has(*names: str) -> Recognise:
    def recognise(body: bytes) -> Params | None:
        found = look(body, _Rows)
        return {} if found and found.data and set(names) <= found.data[0].keys() else None

    return recognise


def _endpoints_of(entity: Entity) -> list[Params]:
    """Aliases (`~…`) give no endpoints of their own."""
    params = _model_params(entity.id)
    return [params] if params and not entity.id.startswith("~") else []


def _model_params(id_: str) -> Params | None:
    author, _, slug = id_.partition("/")
    return {"author": author, "slug": slug} if slug else None


def _params_of_endpoint(id_: str) -> Params | None:
    """Only the public ids name their model; an endpoint known by UUID cannot be asked for."""
    model, mark, _ = id_.partition("#")
    return _model_params(model) if mark else None


def _model_of_endpoint(id_: str) -> tuple[str, str] | None:
    model, mark, _ = id_.partition("#")
    return ("model", model) if mark else None


class _CatalogRow(msgspec.Struct):
    permaslug: str | None = None
    endpoint: _HasVariant | None = None


def _stats_of(entity: Entity) -> list[Params]:
    """A row without endpoint is retired; an alias repeats its target."""
    row = look(entity.body, _CatalogRow)
    if row is None or row.endpoint is None or not row.permaslug or row.permaslug.startswith("~"):
        return []
    return [{"permaslug": row.permaslug, "variant": row.endpoint.variant or "standard"}]


OPENROUTER = Source(
    name="openrouter",
    base_url="https://openrouter.ai",
    endpoints=(
        Endpoint(MODELS, _models, continues, _scope_of_models, _is_models),
        Endpoint(ENDPOINTS, _endpoints, no_paging, _scope_of_endpoints, _is_endpoints),
        _whole(
            "/api/v1/providers",
            _listing("provider", "list", id_member("slug")),
            _has("name", "slug", "privacy_policy_url"),
        ),
        Endpoint(
            MODEL,
            lambda params: (Rule("/data", "model", "detail", id_member("id")),),
        ),
        _whole(
            CATALOG,
            _listing("catalog", "frontend", Identity(("slug", "endpoint"), _catalog_id)),
            _has("slug", "permaslug", "endpoint"),
        ),
        Endpoint(
            STATS, _listing("endpoint", "frontend", id_member("id")), no_paging, _scope_of_stats
        ),
        _whole(
            "/api/frontend/v1/all-providers",
            _listing("provider", "frontend", id_member("slug")),
            _has("name", "slug", "displayName"),
        ),
    ),
    listings=(
        Listing("models", MODELS),
        Listing("models-all", MODELS, {"output_modalities": "all"}),
        Listing("providers", "/api/v1/providers"),
        Listing(
            "endpoints",
            ENDPOINTS,
            follows=(
                Follow("models", "model", _endpoints_of),
                Follow("models-all", "model", _endpoints_of),
            ),
        ),
        Listing("catalog", CATALOG),
        Listing("all-providers", "/api/frontend/v1/all-providers"),
        Listing("stats", STATS, follows=(Follow("catalog", "catalog", _stats_of),)),
        probing("gone-models", Probe("model", MODEL, _model_params, times=2, over_us=HOUR // 2)),
        probing(
            "gone-endpoints",
            Probe(
                "endpoint",
                ENDPOINTS,
                _params_of_endpoint,
                times=2,
                over_us=HOUR // 2,
                parent=_model_of_endpoint,
            ),
        ),
    ),
    templates=(
        Template("model", (Query(MODEL), Query(ENDPOINTS)), "author/slug"),
        Template("endpoints-of-model", (Query(ENDPOINTS),), "author/slug"),
        Template("everything-new", (Query("models"), Query("models-all"), Query("catalog"))),
    ),
)
