"""Description of an upstream API as a value. Pure.

    Source ── endpoints ── rules (locate the entities), shape, scope
                      └─── continuation (the next page, and whether the listing is complete)
           └─ listings ─── what a sync fetches; follow-up requests, probes, partitions

Each module in `sources/` builds one `Source`; no other module of the package contains
anything specific to an API.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import attrs
import msgspec

from eventlog.body.json_spans import BYTE_ORDER_MARK, NotJson, member_values
from eventlog.body.split_rules import Entity, Rule
from eventlog.clock import DAY
from eventlog.errors import Invalid
from fetcher.listing_params import ListingParam
from fetcher.saved_query import SavedQuery

Params = Mapping[str, str]
"""Parameters of a request as text, including those in the path."""


@attrs.frozen
class Continuation:
    """How a listing continues after one of its pages."""

    next: Params | None
    """Parameters of the next page that replace those of this page; None: no next page."""
    next_url: str | None
    """URL of the next page according to upstream."""
    is_end: bool
    """Whether this page is certainly the last one."""
    doubt: str | None = None
    """Why the page proves nothing about absence, although its status is 200; None: no doubt."""


ReadContinuation = Callable[[bytes, Params, int], Continuation]
"""Returns the continuation of a page, given its envelope (the response with its arrays
emptied), its parameters and the number of its entities."""

RecogniseBody = Callable[[bytes], Params | None]
"""Returns the parameters that may have produced a recorded body; None if the body belongs
to another endpoint."""

Rules = Callable[[Params], tuple[Rule, ...]]
"""Returns the rules that locate the entities of a response, given its request parameters."""


@attrs.frozen
class Endpoint:
    """One kind of request."""

    path: str
    """Path template, relative to the base URL: `/models/:id`."""
    rules: Rules
    continuation: ReadContinuation | None = None
    """None: the endpoint has no pages (a detail)."""
    scope: Callable[[Params], str | None] = lambda params: None
    """Scope that the listing enumerates; None: the listing does not prove absence."""
    recognise: RecogniseBody = lambda body: None
    """Recognises recorded bodies of this endpoint, for imports."""
    recognises_elements: bool = False
    """Whether it returns no parameters for a list exactly if it does so for each element alone."""
    size_param: str | None = None
    """Parameter for the number of entities per page; None: pages cannot be bisected."""
    skip_entity: Callable[[Params], Params | None] = lambda params: None
    """Returns the parameters of a page after an entity that upstream cannot serve, or None."""


@attrs.frozen
class FollowUp:
    """Follow-up requests: derives requests of one endpoint from entities of a listing."""

    listing: str
    """Name of the listing that contains the entities."""
    type: str
    """Type of the entities."""
    requests: Callable[[Entity], Iterable[Params]]
    """Returns the parameters of the requests derived from an entity; may be empty."""
    fetches: Callable[[Params], tuple[str, str, str]] | None = None
    """Returns type, id and shape of the entity that a request fetches; the request is
    skipped while a stored body is younger than `max_age_us`. None: never skipped."""
    max_age_us: int = 7 * DAY
    requests_per_entity: float = 1.0
    """Share of the entities that give rise to a request, for forecasts."""


@attrs.frozen
class Probe:
    """How to prove that an entity is gone: by repeated direct requests that are refused."""

    type: str
    path: str
    """Endpoint that answers 404 or 410 for an entity that does not exist."""
    request: Callable[[str], Params | None]
    """Returns the parameters that request an id; None: the id cannot be requested."""
    refusals_needed: int
    """Number of refusals that prove it, without a sighting of the entity in between."""
    min_span_us: int
    """Minimum time between the first and the last of these refusals."""
    parent: Callable[[str], tuple[str, str] | None] | None = None
    """Returns type and id of the entity whose absence makes this one a suspect; None: its own."""
    subject: Callable[[Params], str | None] = lambda params: None
    """Inverse of `request`, for types whose absence no listing proves: any refusal counts."""
    by_listing: bool = True
    """Whether suspects come from listings; False: they come from refusals, by `subject`."""
    max_requests: int = 50
    """Maximum number of requests per sync."""


@attrs.frozen
class Partition:
    """Parameter that divides a silently truncated pagination into smaller ones."""

    param: str
    narrower_values: Callable[[Params], Iterable[str]] = lambda params: ()
    """Returns values that together cover the pagination; empty if it is already narrow."""
    named_values: Callable[[Entity], Iterable[str]] | None = None
    """Returns the values that an entity names; used if no complete list of values exists."""

    @property
    def is_exhaustive(self) -> bool:
        """Whether the values together cover the whole pagination."""
        return self.named_values is None


@attrs.frozen
class Listing:
    """Requests that a sync sends as one run: a pagination, follow-up requests or probes."""

    name: str
    path: str
    """Path template of its endpoint."""
    params: Params = attrs.field(factory=dict)
    follow_ups: tuple[FollowUp, ...] = ()
    """Sources of its requests; empty: one pagination with `params`."""
    ends_silently_at: int | None = None
    """Number of entities after which upstream ends the pagination without an error."""
    partitions: tuple[Partition, ...] = ()
    """Ways to divide such a pagination; the first one that still applies is used."""
    by_default: bool = True
    """Whether a sync includes it unless other listings are named."""
    probe: Probe | None = None
    """Set for a listing that sends probes instead of a pagination."""
    settable: tuple[ListingParam, ...] = ()
    """Parameters that the configuration may set."""
    typical_entities: int | None = None
    """Number of entities, as far as it is known, for forecasts of a first crawl."""

    @property
    def has_derived_requests(self) -> bool:
        """Whether its requests are derived from entities (follow-up requests, probes)."""
        return bool(self.follow_ups) or self.probe is not None


@attrs.frozen
class Source:
    """One upstream API."""

    name: str
    base_url: str
    endpoints: tuple[Endpoint, ...]
    listings: tuple[Listing, ...]
    """In the order of a sync; follow-up requests refer to earlier listings only."""
    templates: tuple[SavedQuery, ...] = ()
    """Saved queries that people can put into the queue by name."""
    fault: Callable[[int, bytes], str | None] = lambda status, body: None
    """Recognises upstream's own error messages by status and body; returns the error class
    (`poison`, `too_deep` or `cursor`) or None."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Probes of all listings."""
        return tuple(listing.probe for listing in self.listings if listing.probe is not None)

    def endpoint(self, path: str) -> Endpoint:
        """Returns the endpoint with a path template. Raises `Invalid` if there is none."""
        for endpoint in self.endpoints:
            if endpoint.path == path:
                return endpoint
        raise Invalid(f"{self.name} has no endpoint {path}")

    def listing(self, name: str) -> Listing:
        """Returns the listing with a name. Raises `Invalid` if there is none."""
        for listing in self.listings:
            if listing.name == name:
                return listing
        names = ", ".join(listing.name for listing in self.listings)
        raise Invalid(f"{self.name} has no listing {name!r}", f"its listings: {names}")


def probe_listing(name: str, probe: Probe) -> Listing:
    """Returns a listing that sends the probe's requests."""
    return Listing(name, probe.path, probe=probe)


def request_digest(params: Params) -> bytes:
    """Returns the digest that identifies a request among those of one endpoint."""
    return sha256(json.dumps(sorted(params.items())).encode()).digest()


PAGE_CURSOR_PARAMS = frozenset({"cursor", "page", "offset"})
"""Parameters that select a page of a listing."""

_PLACEHOLDER = re.compile(r":(\w+)")


def url_of(base_url: str, path: str, params: Params) -> str:
    """Returns the URL of a request. Parameters that the path does not contain become the
    query. Raises `Invalid` if a parameter of the path is missing or empty."""
    names = _PLACEHOLDER.findall(path)
    missing = [name for name in names if not params.get(name)]
    if missing:
        raise Invalid(f"{path}: no value for {', '.join(missing)}")
    filled = _PLACEHOLDER.sub(lambda match: quote(params[match[1]], safe=":~@"), path)
    in_query = [(name, value) for name, value in params.items() if name not in names]
    query = urlencode(in_query, quote_via=quote)
    return base_url.rstrip("/") + filled + (f"?{query}" if query else "")


def match_url(source: Source, base_url: str, text: str) -> tuple[Endpoint, dict[str, str]]:
    """Returns endpoint and parameters of a URL or of a path below the base URL.

    Inverse of `url_of`. A path template (`/models/:id`) matches itself, without path
    parameters. Raises `Invalid` if no endpoint matches.
    """
    parts = urlsplit(text.removeprefix("GET "))
    path = parts.path.removeprefix(urlsplit(base_url.rstrip("/")).path)
    for endpoint in source.endpoints:
        if endpoint.path == path:
            return endpoint, _query_params(parts.query)
        match = re.fullmatch(_PLACEHOLDER.sub(r"(?P<\1>[^/]+)", endpoint.path), path)
        if match is not None:
            in_path = {name: unquote(value) for name, value in match.groupdict().items()}
            return endpoint, in_path | _query_params(parts.query)
    known = ", ".join(endpoint.path for endpoint in source.endpoints)
    raise Invalid(f"{source.name} has no endpoint for {text}", f"its endpoints: {known}")


def _query_params(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


SECRET_PARAMS = frozenset({"token", "key", "api_key", "apikey", "access_token"})
"""Parameters that are never written to the log."""


def without_secrets(params: Params) -> dict[str, str]:
    """Returns the parameters without those in `SECRET_PARAMS`."""
    return {name: value for name, value in params.items() if name.lower() not in SECRET_PARAMS}


def with_query(name: str, params: Params, names: frozenset[str]) -> str:
    """Returns a shape or scope: a name, followed by the parameters in `names`, sorted."""
    pairs = sorted((key, value) for key, value in params.items() if key in names)
    return name + ("?" + "&".join(f"{key}={value}" for key, value in pairs) if pairs else "")


Shape = TypeVar("Shape")


def decode_as(body: bytes, shape: type[Shape]) -> Shape | None:
    """Decodes a body as a type with only the needed members; None if it does not match."""
    try:
        return msgspec.json.decode(body.removeprefix(BYTE_ORDER_MARK), type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def read_object(envelope: bytes, name: str) -> Mapping[str, Any]:
    """Returns the member `name` of a page, with numbers as texts; empty if it is no object."""
    try:
        text = member_values(envelope, (name,)).get(name, b"null")
        value = json.loads(text.decode("utf-8", "replace"), parse_int=str, parse_float=str)
    except (NotJson, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def pick_params(url: str, names: tuple[str, ...]) -> dict[str, str]:
    """Returns the query parameters of a URL that are in `names`."""
    query = _query_params(urlsplit(url).query)
    return {name: query[name] for name in names if name in query}


def cursor_text(value: object) -> str | None:
    """Returns a cursor or link, string or number, as text; None for null, "" and others."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    return str(value) if isinstance(value, str | int | float) else None
