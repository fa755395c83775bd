"""Rules that every source follows, and recorded bodies that it recognises."""

from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from eventlog.body.split import split
from eventlog.errors import Invalid
from fetcher.source import Endpoint, Source, match_url, url_of
from fetcher.sources import SOURCES
from tests.fetcher.making import recordings, response

ALL = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]

RECOGNISING = pytest.mark.parametrize(
    "endpoint",
    [
        endpoint
        for source in SOURCES.values()
        for endpoint in source.endpoints
        if endpoint.recognises_elements
    ],
    ids=lambda endpoint: endpoint.path,
)
PRICED = b'"pricing":{},"context_length":1'
ELEMENTS = [
    b'{"id":"a/b",%b}' % PRICED,
    b'{"id":"a/b",%b,"architecture":null}' % PRICED,
    b'{"id":"a/b",%b,"architecture":{"output_modalities":["text","image"]}}' % PRICED,
    b'{"id":"a/b",%b,"architecture":{"output_modalities":["image"]}}' % PRICED,
    b'{"id":"a/b",%b,"architecture":{"output_modalities":[]}}' % PRICED,
    b'{"id":7,%b}' % PRICED,
    b'{"id":"a/b"}',
    b"null",
]

values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
names = st.text("abcxyz", min_size=2, max_size=6)


@ALL
def test_every_pagination_has_an_endpoint_with_a_continuation(source: Source) -> None:
    for listing in source.listings:
        assert (
            listing.has_derived_requests or source.endpoint(listing.path).continuation is not None
        )


@ALL
def test_a_listing_follows_only_earlier_listings(source: Source) -> None:
    before: set[str] = set()
    for listing in source.listings:
        assert {follow.listing for follow in listing.follow_ups} <= before
        before.add(listing.name)


@ALL
def test_the_rules_of_an_endpoint_have_different_pointers(source: Source) -> None:
    for endpoint in source.endpoints:
        pointers = [rule.pointer for rule in endpoint.rules({})]
        assert len(pointers) == len(set(pointers)) > 0


@ALL
def test_what_a_parameter_of_the_configuration_leaves_out_is_not_in_the_scope(
    source: Source,
) -> None:
    """Else a listing that the configuration narrows would prove the absence of all others."""
    for listing in source.listings:
        scope = source.endpoint(listing.path).scope
        for param in listing.settable:
            narrowed = scope({**listing.params, param.name: "x"})
            other = scope({**listing.params, param.name: "y"})
            assert narrowed is None or len({scope(listing.params), narrowed, other}) == 3


@RECOGNISING
@given(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4))
def test_a_list_is_recognised_like_its_elements(endpoint: Endpoint, elements: list[bytes]) -> None:
    (rule,) = endpoint.rules({})
    together, *alone = [
        endpoint.recognise(b'{"%b":[%b]}' % (rule.pointer[1:].encode(), listed))
        for listed in (b",".join(elements), *elements)
    ]

    assert (together == {}) == all(params == {} for params in alone)


@ALL
@given(data=st.data())
def test_the_url_of_a_request_is_parsed_into_the_same_request(
    source: Source, data: st.DataObject
) -> None:
    endpoint = data.draw(st.sampled_from(source.endpoints))
    places = [part[1:] for part in endpoint.path.split("/") if part.startswith(":")]
    params = data.draw(st.dictionaries(names, values, max_size=3))
    params |= {place: data.draw(values.filter(lambda v: "/" not in v)) for place in places}

    url = url_of(source.base_url, endpoint.path, params)

    matched, again = match_url(source, source.base_url, url)
    same_place = url_of(source.base_url, matched.path, again) == url
    assert same_place and (matched.path != endpoint.path or again == params)


@ALL
def test_an_unknown_url_is_refused_with_the_known_endpoints(source: Source) -> None:
    with pytest.raises(Invalid) as caught:
        match_url(source, source.base_url, "/no/such/thing/here/at/all")

    assert source.endpoints[0].path in str(caught.value.hint)


RECORDED = {
    "civitai/models/models-page-2024-08-raw.json": ("/models", 3),
    "civitai/models/models-page-2025-05.json": ("/models", 2),
    "civitai/images/images-page-modelversion-1218156.json": ("/images", 4),
    "civitai/model/model-15003.json": ("/models/:id", 1),
    "civitai/model/model-1580878-raw.json": ("/models/:id", 1),
    "civitai/model-version/model-version-1218156.json": ("/model-versions/:id", 1),
    "civitai/creators/creators-page-2025-05.json": ("/creators", 2),
    "civitai/tags/tags-page-2022.json": ("/tags", 3),
    "openrouter/v1/models.2024-09-21.json.zst": ("/api/v1/models", 178),
    "openrouter/v1/models.2026-08-15.json.zst": ("/api/v1/models", 411),
    "openrouter/v1/providers.2026-08-15.json": ("/api/v1/providers", 90),
    "openrouter/v1/model-endpoints.glm-5.2.2026-08-15.json": (
        "/api/v1/models/:author/:slug/endpoints",
        10,
    ),
    "openrouter/v1/model-endpoints.router-auto.empty.2026-08-15.json": (
        "/api/v1/models/:author/:slug/endpoints",
        0,
    ),
}


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_body_is_recognised_by_its_shape(name: str) -> None:
    path, least = RECORDED[name]
    source = SOURCES[name.split("/", maxsplit=1)[0]]
    body = read(recordings() / name)

    outcomes = [(endpoint, endpoint.recognise(body)) for endpoint in source.endpoints]

    matches = [(endpoint, params) for endpoint, params in outcomes if params is not None]
    assert [endpoint.path for endpoint, _ in matches] == [path]
    endpoint, params = matches[0]
    entities = split(response(body).body, endpoint.rules(params or {})).entities
    assert sum("*" not in entity.pointer for entity in entities) >= least


def read(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".zst":
        return data
    return zstandard.ZstdDecompressor().stream_reader(data).read()
