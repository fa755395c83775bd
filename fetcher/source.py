"""Sources: an upstream API as a value. Pure.

    Source ── endpoints ── rules (where entities sit), shape, scope
                      └─── paging (how a page continues, when a listing is complete)
           └─ listings ─── what a sync walks, and what each entity leads to

A source module fills these in; nothing else in the package knows an API.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import attrs
import msgspec

from eventlog.body.json_spans import NotJson, member_values
from eventlog.body.split_rules import Entity, Rule
from eventlog.clock import DAY
from eventlog.errors import Invalid
from fetcher.saved_query import Template

Params = Mapping[str, str]
"""Parameters of a request as text, those in the path included."""


@attrs.frozen
class Page:
    """What a listing's page says about what comes after it."""

    next: Params | None
    """Parameters that ask for the next page, over those of this one; None: no next page."""
    next_url: str | None
    """The next page as upstream names it."""
    is_end: bool
    """Whether upstream can be believed that nothing comes after."""


Continue = Callable[[bytes, Params, int], Page]
"""From the envelope of a page (its arrays emptied), its parameters and the number of
its entities to what follows."""


Recognise = Callable[[bytes], Params | None]
"""From a recorded body to the parameters that may have asked for it; None: another's."""


Rules = Callable[[Params], tuple[Rule, ...]]
"""Where the entities of an answer sit, given the parameters of its request."""


@attrs.frozen
class Endpoint:
    """One kind of request."""

    path: str
    """Template below the base URL: `/models/:id`."""
    rules: Rules
    continues: Continue | None = None
    """None: a detail, one answer."""
    scope: Callable[[Params], str | None] = lambda params: None
    """What a listing enumerates; None proves nothing about absence."""
    recognise: Recognise = lambda body: None
    """Whether a recorded body is an answer of this endpoint, and to which parameters."""
    size_param: str | None = None
    """Says how many entities a page has; None: a page cannot be asked for in pieces."""
    step_over: Callable[[Params], Params | None] = lambda params: None
    """From a page that never comes to what begins behind it; None: nobody knows."""


@attrs.frozen
class Follow:
    """From entities of one listing to requests of another endpoint."""

    listing: str
    type: str
    requests: Callable[[Entity], Iterable[Params]]
    """What an entity leads to; nothing, if nowhere."""
    fetches: Callable[[Params], tuple[str, str, str]] | None = None
    """Type, id and shape of what such a request brings, if that is not asked for again
    while it is young; None: it always is."""
    max_age_us: int = 7 * DAY
    """How old it may be."""


@attrs.frozen
class Probe:
    """How it is found out that an entity is gone: asked for directly, again and again."""

    type: str
    path: str
    """Of the endpoint that answers 404 or 410 for what is not there."""
    request: Callable[[str], Params | None]
    """From an id to what is asked; None: such an id cannot be asked for."""
    times: int
    """Refusals that it takes, with nothing seen of the entity in between."""
    over_us: int
    """How far apart the first and the last of them lie at least."""
    parent: Callable[[str], tuple[str, str] | None] | None = None
    """What an entity goes with: it is missed when that is. None: when it is missed itself."""
    subject: Callable[[Params], str | None] = lambda params: None
    """Inverse of `request`, where no listing proves absence: any refusal begins the asking."""
    by_listing: bool = True
    """Whether listings say what is missing; else only refusals do, by `subject`."""
    most: int = 50
    """Requests of one sync."""


@attrs.frozen
class Partition:
    """A parameter by which a walk that ends silently is cut into shorter ones."""

    param: str
    narrower: Callable[[Params], Iterable[str]] = lambda params: ()
    """The values that together hold what the walk holds; none where it is narrow already."""
    met: Callable[[Entity], Iterable[str]] | None = None
    """The values that an entity of the walk names, where nobody lists them all."""

    @property
    def is_whole(self) -> bool:
        """Whether its values are all there are."""
        return self.met is None


@attrs.frozen
class Listing:
    """Something a sync walks."""

    name: str
    path: str
    """Of its endpoint."""
    params: Params = attrs.field(factory=dict)
    follows: tuple[Follow, ...] = ()
    """Where its requests come from; none: one walk with `params`."""
    ends_silently_at: int | None = None
    """Entities after which upstream is known to stop without saying so."""
    partitions: tuple[Partition, ...] = ()
    """How it is cut then, the first that still can be."""
    by_default: bool = True
    """Whether a sync walks it without being told."""
    probe: Probe | None = None
    """What it asks of entities that are missed, instead of walking."""

    @property
    def is_led(self) -> bool:
        """Whether its requests come from what others found."""
        return bool(self.follows) or self.probe is not None


@attrs.frozen
class Source:
    """An upstream."""

    name: str
    base_url: str
    endpoints: tuple[Endpoint, ...]
    listings: tuple[Listing, ...]
    """In the order of a sync; a listing follows only those before it."""
    templates: tuple[Template, ...] = ()
    """Questions with a name, for the queue."""
    fault: Callable[[int, bytes], str | None] = lambda status, body: None
    """What an answer, by its own words, is no answer for: `poison`, `too_deep` or `cursor`."""

    @property
    def probes(self) -> tuple[Probe, ...]:
        """How it is found out that something is gone."""
        return tuple(each.probe for each in self.listings if each.probe is not None)

    def endpoint(self, path: str) -> Endpoint:
        """The endpoint of a path template."""
        for each in self.endpoints:
            if each.path == path:
                return each
        raise Invalid(f"{self.name} has no endpoint {path}")

    def listing(self, name: str) -> Listing:
        """The listing of a name."""
        for each in self.listings:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.listings)
        raise Invalid(f"{self.name} has no listing {name!r}", f"its listings: {names}")


def probing(name: str, probe: Probe) -> Listing:
    """A listing that only probes."""
    return Listing(name, probe.path, probe=probe)


def request_name(params: Params) -> bytes:
    """What tells the requests to one endpoint apart."""
    return sha256(json.dumps(sorted(params.items())).encode()).digest()


WHERE_TO = frozenset({"cursor", "page", "offset"})
"""Parameters that say where in a listing a page is."""

_PLACE = re.compile(r":(\w+)")


def url_of(base_url: str, path: str, params: Params) -> str:
    """The URL of a request. Parameters that the path does not hold become its query."""
    names = _PLACE.findall(path)
    missing = [name for name in names if not params.get(name)]
    if missing:
        raise Invalid(f"{path}: no value for {', '.join(missing)}")
    filled = _PLACE.sub(lambda match: quote(params[match[1]], safe=":~@"), path)
    query = urlencode([each for each in params.items() if each[0] not in names], quote_via=quote)
    return base_url.rstrip("/") + filled + (f"?{query}" if query else "")


def match_url(source: Source, base_url: str, text: str) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint and parameters of a URL, or of a path below the base. Inverse of `url_of`.

    A template (`/models/:id`) is taken as it stands, without parameters.
    """
    parts = urlsplit(text.removeprefix("GET "))
    path = parts.path.removeprefix(urlsplit(base_url.rstrip("/")).path)
    for each in source.endpoints:
        if each.path == path:
            return each, _query(parts.query)
        match = re.fullmatch(_PLACE.sub(r"(?P<\1>[^/]+)", each.path), path)
        if match is not None:
            named = {name: unquote(value) for name, value in match.groupdict().items()}
            return each, named | _query(parts.query)
    known = ", ".join(each.path for each in source.endpoints)
    raise Invalid(f"{source.name} has no endpoint for {text}", f"its endpoints: {known}")


def _query(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


SECRETS = frozenset({"token", "key", "api_key", "apikey", "access_token"})
"""Parameters that never reach the log."""


def without_secrets(params: Params) -> dict[str, str]:
    """The parameters that may be written down."""
    return {name: value for name, value in params.items() if name.lower() not in SECRETS}


def with_query(name: str, params: Params, names: frozenset[str]) -> str:
    """A shape or scope: a name, and those of the parameters that matter, sorted."""
    kept = sorted((key, value) for key, value in params.items() if key in names)
    return name + ("?" + "&".join(f"{key}={value}" for key, value in kept) if kept else "")


def no_paging(envelope: bytes, params: Params, count: int) -> Page:
    """A listing that always answers whole."""
    return Page(None, None, True)


Shape = TypeVar("Shape")


def look(body: bytes, shape: type[Shape]) -> Shape | None:
    """What a body says, seen through a type that names only what is asked; None if it differs."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def read_member(envelope: bytes, name: str) -> Mapping[str, Any]:
    """An object inside a page as Python values; empty where it is none."""
    try:
        found = member_values(envelope, (name,)).get(name, b"null")
        value = json.loads(found.decode("utf-8", "replace"))
    except (NotJson, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def match_query(url: str, names: tuple[str, ...]) -> dict[str, str]:
    """Those of the named parameters that a link carries."""
    query = _query(urlsplit(url).query)
    return {name: query[name] for name in names if name in query}


def text_of(value: object) -> str | None:
    """A cursor or link as text: numbers as their digits, nothing for null and empty."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    return str(value) if isinstance(value, str | int | float) else None
