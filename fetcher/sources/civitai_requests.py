"""Follow-up requests of Civitai: those for the entities that an image or a version names. Pure.

A value that is no positive integer names no entity; the others in the same body are requested.
"""

from collections.abc import Mapping

from eventlog.body.json_spans import NotJson, element_spans, member_values, value_span
from eventlog.body.split_rules import Entity
from fetcher.source import Params, decode_as


def versions_in_image(entity: Entity) -> list[str]:
    """Returns the ids of the model versions that an image names in its metadata."""
    image = _members(entity.body, ("modelVersionIds", "meta"))
    meta = _members(image.get("meta", b""), ("civitaiResources", "meta"))
    nested = _members(meta.get("meta", b""), ("civitaiResources",))  # as one API path returns it
    resources = [
        row for level in (meta, nested) for row in _elements(level.get("civitaiResources"))
    ]
    named = (
        _members(resource, ("modelVersionId",)).get("modelVersionId") for resource in resources
    )
    ids = map(_integer, (*_elements(image.get("modelVersionIds")), *named))
    return [id_ for id_ in dict.fromkeys(ids) if id_ is not None]


def creators_of_image(entity: Entity) -> list[str]:
    """Returns the name of the creator of an image; empty if it has none."""
    spelled = _members(entity.body, ("username",)).get("username", b"null")
    name = decode_as(spelled, str)
    return [name] if name else []


def version_requests(entity: Entity) -> list[Params]:
    """Returns the requests for the model versions that an image names in its metadata."""
    return [{"id": id_} for id_ in versions_in_image(entity)]


def creator_requests(entity: Entity) -> list[Params]:
    """Returns the search for the creator of an image; creators have no endpoint."""
    return [{"query": name, "limit": "20"} for name in creators_of_image(entity)]


def model_requests(entity: Entity) -> list[Params]:
    """Returns the request for the model of a version that was fetched as a detail."""
    id_ = _integer(_members(entity.body, ("modelId",)).get("modelId"))
    return [] if id_ is None else [{"id": id_}]


def _members(value: bytes, names: tuple[str, ...]) -> Mapping[str, bytes]:
    """Returns the named members of an object; empty for any other value."""
    try:
        return member_values(value, names)
    except NotJson:
        return {}


def _elements(value: bytes | None) -> list[bytes]:
    """Returns the elements of an array; empty for any other value."""
    try:
        return [span.of(value) for span in element_spans(value, value_span(value))] if value else []
    except NotJson:
        return []


def _integer(spelled: bytes | None) -> str | None:
    """Returns a positive integer as it is spelled; None for any other value."""
    return spelled.decode() if spelled and spelled.isdigit() and spelled != b"0" else None
