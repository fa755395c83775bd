"""Bare recordings: what was saved without the response around it. Pure.

    [ … ]                the `.data` or `.items` of a response, saved alone
    { … } \\n { … } \\n   one response in every line, or one entity

An array is put back into the member it came from; entities become pages of such a member,
which prove nothing about what is not among them. The bytes between the wrapping are
exactly those recorded, and the provenance names the wrapping.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from eventlog.body.json_spans import NotJson, member_values
from eventlog.errors import Invalid
from fetcher.source import Endpoint, Source, match_url

_EMPTY: Mapping[str, str] = {}


@attrs.frozen
class Inner:
    """One response, and what it answers."""

    endpoint: str | None
    """None: to be recognised."""
    body: bytes
    provenance: Mapping[str, str] = _EMPTY
    is_whole: bool = True
    """Whether it is all that was answered."""


def dressed(source: Source, body: bytes, endpoint: str | None) -> Inner:
    """A document as a response: an array goes back into its member, all else is one already."""
    if body.lstrip()[:1] != b"[":
        return Inner(endpoint, body)
    for each in _candidates(source, endpoint):
        member = member_of(each)
        whole = wrap(member, [body.strip()], is_array=True) if member else b""
        if member and (endpoint is not None or each.recognise(whole) is not None):
            return Inner(endpoint or each.path, whole, {"wrapped": f"/{member}"})
    return Inner(endpoint, body)


def by_line(
    source: Source, body: bytes, first: int, endpoint: str | None
) -> Iterator[Inner | tuple[int, str]]:
    """The responses in the lines of a dump; (line, why) for a line that is none."""
    entities: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
    for number, line in enumerate(body.split(b"\n"), first):
        text = line.strip()
        if not text:
            continue
        found = _of_line(source, text, endpoint)
        if found is None:
            yield number, f"no answer of {source.name}, and no entity, looks like {text[:40]!r}…"
        elif isinstance(found, Inner):
            yield attrs.evolve(found, provenance={**found.provenance, "line": str(number)})
        else:
            entities.setdefault(found, []).append((number, text))
    for (path, member), lines in entities.items():
        named = {"wrapped": f"/{member}", "lines": f"{lines[0][0]}-{lines[-1][0]}"}
        yield Inner(path, wrap(member, [text for _, text in lines]), named, is_whole=False)


def _of_line(source: Source, text: bytes, endpoint: str | None) -> Inner | tuple[str, str] | None:
    """A response; or the endpoint and member of which this is an entity; or neither."""
    if text[:1] == b"[":
        return dressed(source, text, endpoint)
    if endpoint is None and any(each.recognise(text) is not None for each in source.endpoints):
        return Inner(None, text)
    for each in _candidates(source, endpoint):
        member = member_of(each)
        if endpoint is not None and (member is None or _has(text, member)):
            return Inner(endpoint, text)
        if member and (endpoint is not None or each.recognise(wrap(member, [text])) is not None):
            return (endpoint or each.path), member
    return None


def _candidates(source: Source, endpoint: str | None) -> Sequence[Endpoint]:
    if endpoint is None:
        return source.endpoints
    try:
        return [match_url(source, source.base_url, endpoint)[0]]
    except Invalid:
        return []  # said where the endpoint is looked up


def member_of(endpoint: Endpoint) -> str | None:
    """The member that holds the entities of a response; None: the response is one."""
    pointers = [rule.pointer for rule in endpoint.rules({})]
    found = [each[1:] for each in pointers if each.count("/") == 1]
    return found[0] if found and "" not in pointers else None


def wrap(member: str, bodies: Sequence[bytes], *, is_array: bool = False) -> bytes:
    """A response that holds these entities, or this array of them."""
    inside = bodies[0] if is_array else b"[" + b",".join(bodies) + b"]"
    return b'{"' + member.encode() + b'":' + inside + b"}"


def _has(text: bytes, member: str) -> bool:
    try:
        return member_values(text, (member,)).get(member, b"").lstrip()[:1] == b"["
    except NotJson:
        return False
