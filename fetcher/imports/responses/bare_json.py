"""Bare JSON: recordings that contain a part of a response, without what surrounded it. Pure.

    [ … ]                the `.data` or `.items` of a response, saved alone
    { … } \\n { … } \\n   one response per line, or one entity per line

An array is put back into the member that it came from. Entities become a page with such
a member, which proves nothing about the absence of others. The recorded bytes stay as
they are, and the provenance names the member that was added.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from eventlog.body.json_spans import NotJson, member_values, value_of
from eventlog.errors import Invalid
from fetcher.source import Endpoint, Params, Source, match_url, url_of, without_secrets
from fetcher.split.error_words import describe_body

EMPTY_PROVENANCE: Mapping[str, str] = {}


@attrs.frozen
class BareResponse:
    """The body of a response, and the request that it answers."""

    endpoint: str | None
    """URL of the request, or path of the endpoint; None: to be recognised by the body."""
    body: bytes
    provenance: Mapping[str, str] = EMPTY_PROVENANCE
    is_complete: bool = True
    """Whether the body contains everything that the upstream returned."""


def wrap_document(source: Source, body: bytes, endpoint: str | None) -> BareResponse:
    """Returns a document as a response; an array is put into the member that it came from."""
    array = value_of(body)
    if array[:1] != b"[":
        return BareResponse(endpoint, body)
    for candidate in _candidates(source, endpoint):
        member = entities_member(candidate)
        wrapped = wrap_in_member(member, [array], is_array=True) if member else b""
        if member and (endpoint is not None or candidate.recognise(wrapped) is not None):
            return BareResponse(endpoint or candidate.path, wrapped, {"wrapped": f"/{member}"})
    return BareResponse(endpoint, body)


def split_lines(
    source: Source, body: bytes, first: int, endpoint: str | None
) -> Iterator[BareResponse | tuple[int, str]]:
    """Yields the responses in a chunk of lines, whose first line has the number `first`.

    A line that is neither a response nor an entity yields (line number, reason).
    """
    entities: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
    for number, line in enumerate(body.split(b"\n"), first):
        text = value_of(line)
        if not text:
            continue
        content = _classify(source, text, endpoint)
        if content is None:
            yield (
                number,
                f"neither a response nor an entity of {source.name}: {describe_body(text)}",
            )
        elif isinstance(content, BareResponse):
            provenance = {**content.provenance, "line": str(number)}
            yield attrs.evolve(content, provenance=provenance)
        else:
            entities.setdefault(content, []).append((number, text))
    for (path, member), lines in entities.items():
        provenance = {"wrapped": f"/{member}", "lines": f"{lines[0][0]}-{lines[-1][0]}"}
        wrapped = wrap_in_member(member, [text for _, text in lines])
        yield BareResponse(path, wrapped, provenance, is_complete=False)


def _classify(
    source: Source, text: bytes, endpoint: str | None
) -> BareResponse | tuple[str, str] | None:
    """Returns a line as a response; for an entity its endpoint and member; otherwise None."""
    if text[:1] == b"[":
        return wrap_document(source, text, endpoint)
    if endpoint is None and any(known.recognise(text) is not None for known in source.endpoints):
        return BareResponse(None, text)
    for candidate in _candidates(source, endpoint):
        member = entities_member(candidate)
        if endpoint is not None and (member is None or _has_array(text, member)):
            return BareResponse(endpoint, text)
        if member and (
            endpoint is not None or candidate.recognise(wrap_in_member(member, [text])) is not None
        ):
            return (endpoint or candidate.path), member
    return None


def _candidates(source: Source, endpoint: str | None) -> Sequence[Endpoint]:
    if endpoint is None:
        return source.endpoints
    try:
        return [match_url(source, source.base_url, endpoint)[0]]
    except Invalid:
        return []  # reported by the importer, which looks the endpoint up, too


def recognise_request(source: Source, bare: BareResponse) -> tuple[Endpoint, Params]:
    """Returns the endpoint and the parameters that a response answers. Raises `Invalid`."""
    if bare.endpoint is not None:
        endpoint, params = match_url(source, source.base_url, bare.endpoint)
        if not params and ":" in endpoint.path:
            params = dict(endpoint.recognise(bare.body) or {})
        url_of("", endpoint.path, params)
        return endpoint, without_secrets(params)
    for candidate in source.endpoints:
        recognised = candidate.recognise(bare.body)
        if recognised is not None and _can_be_requested(candidate, recognised):
            return candidate, recognised
    raise Invalid(
        f"not a known response of {source.name}: {describe_body(bare.body)}",
        "name its endpoint: --endpoint PATH",
    )


def _can_be_requested(endpoint: Endpoint, params: Params) -> bool:
    """Whether a request has all values of its path (an id such as `/x` leaves one empty)."""
    try:
        url_of("", endpoint.path, params)
    except Invalid:
        return False
    return True


def entities_member(endpoint: Endpoint) -> str | None:
    """Returns the member that contains the entities of a response.

    None if the response itself is an entity, or if no member of it contains entities.
    """
    pointers = [rule.pointer for rule in endpoint.rules({})]
    members = [pointer[1:] for pointer in pointers if pointer.count("/") == 1]
    return members[0] if members and "" not in pointers else None


def wrap_in_member(member: str, bodies: Sequence[bytes], *, is_array: bool = False) -> bytes:
    """Returns an object with one member: an array of the bodies, or the only body itself."""
    array = bodies[0] if is_array else b"[" + b",".join(bodies) + b"]"
    return b'{"' + member.encode() + b'":' + array + b"}"


def _has_array(text: bytes, member: str) -> bool:
    try:
        return member_values(text, (member,)).get(member, b"").lstrip()[:1] == b"["
    except NotJson:
        return False
