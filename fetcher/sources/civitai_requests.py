"""Follow-up requests of Civitai: those for the entities that an image or a version names. Pure.

A value that is no positive integer names no entity; the others in the same body are requested.
"""

from collections.abc import Iterable, Mapping

import msgspec

from eventlog.body.json_spans import NotJson, element_spans, member_values, value_span
from eventlog.body.split_rules import Entity
from fetcher.source import Params, decode_as


class _Resource(msgspec.Struct):
    modelVersionId: int | None = None


class _Meta(msgspec.Struct):
    civitaiResources: list[_Resource] | None = None
    meta: "_Meta | None" = None
    """One API path nests the metadata once more."""


class _Image(msgspec.Struct):
    """The usual form of an image, which is decoded in a seventh of the time."""

    modelVersionIds: list[int] | None = None
    meta: _Meta | None = None
    username: str | None = None


def versions_in_image(entity: Entity) -> list[str]:
    """Returns the ids of the model versions that an image names in its metadata."""
    image = decode_as(entity.body, _Image)
    if image is None:
        return _versions_in_odd_image(entity.body)
    meta = image.meta or _Meta()
    nested = meta.meta or _Meta()
    resources = (*(meta.civitaiResources or ()), *(nested.civitaiResources or ()))
    numbers = (*(image.modelVersionIds or ()), *(each.modelVersionId or 0 for each in resources))
    return [str(number) for number in dict.fromkeys(numbers) if number > 0]


def _versions_in_odd_image(body: bytes) -> list[str]:
    """Returns the same for an image in which the form of a value is unexpected."""
    image = _members(body, ("modelVersionIds", "meta"))
    meta = _members(image.get("meta", b""), ("civitaiResources", "meta"))
    nested = _members(meta.get("meta", b""), ("civitaiResources",))
    resources = [
        resource
        for level in (meta, nested)
        for resource in _elements(level.get("civitaiResources"))
    ]
    named = [_members(each, ("modelVersionId",)).get("modelVersionId") for each in resources]
    return _integers([*_elements(image.get("modelVersionIds")), *named])


def creators_of_image(entity: Entity) -> list[str]:
    """Returns the name of the creator of an image; empty if it has none."""
    image = decode_as(entity.body, _Image)
    if image is not None:
        return [image.username] if image.username else []
    name = decode_as(_members(entity.body, ("username",)).get("username", b"null"), str)
    return [name] if name else []


def version_requests(entity: Entity) -> list[Params]:
    """Returns the requests for the model versions that an image names in its metadata."""
    return [{"id": id_} for id_ in versions_in_image(entity)]


def creator_requests(entity: Entity) -> list[Params]:
    """Returns the search for the creator of an image; creators have no endpoint."""
    return [{"query": name, "limit": "20"} for name in creators_of_image(entity)]


def model_requests(entity: Entity) -> list[Params]:
    """Returns the request for the model of a version that was fetched as a detail."""
    id_ = _members(entity.body, ("modelId",)).get("modelId")
    return [{"id": number} for number in _integers([id_])]


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


def _integers(values: Iterable[bytes | None]) -> list[str]:
    """Returns the positive integers among JSON values, as they are spelled, each once."""
    digits = dict.fromkeys(value for value in values if value and value.isdigit())
    return [value.decode() for value in digits if value != b"0"]
