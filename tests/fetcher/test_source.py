"""Helpers of sources: URLs, parameters, shapes, digests and cursors."""

import pytest

from eventlog.errors import Invalid
from fetcher.source import (
    Endpoint,
    Listing,
    Params,
    Probe,
    Source,
    cursor_text,
    decode_as,
    match_url,
    pick_params,
    probe_listing,
    read_object,
    request_digest,
    url_of,
    with_query,
    without_secrets,
)

SHOP = Source(
    "shop",
    "https://shop.example/v2/",
    (Endpoint("/books/:id", lambda params: ()), Endpoint("/books/new", lambda params: ())),
    (),
)


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/books", {}, "https://shop.example/v2/books"),
        ("/books", {"q": "a b&c", "n": ""}, "https://shop.example/v2/books?q=a%20b%26c&n="),
        ("/books/:id", {"id": "a/b", "n": "1"}, "https://shop.example/v2/books/a%2Fb?n=1"),
        ("/books/:id", {"id": "a:b~c@d"}, "https://shop.example/v2/books/a:b~c@d"),
    ],
)
def test_a_url_quotes_the_values_in_its_path_and_query(
    path: str, params: Params, expected: str
) -> None:
    assert url_of(SHOP.base_url, path, params) == expected


@pytest.mark.parametrize("params", [{}, {"id": ""}, {"name": "x"}])
def test_a_url_without_a_value_for_its_path_is_refused(params: Params) -> None:
    with pytest.raises(Invalid, match="no value for id"):
        url_of(SHOP.base_url, "/books/:id", params)


@pytest.mark.parametrize(
    ("text", "path", "params"),
    [
        ("GET /books/7", "/books/:id", {"id": "7"}),
        (
            "https://shop.example/v2/books/a%2Fb?n=&m=1",
            "/books/:id",
            {"id": "a/b", "n": "", "m": "1"},
        ),
        ("https://other.example/v2/books/7", "/books/:id", {"id": "7"}),
        ("/books/:id?n=1", "/books/:id", {"n": "1"}),
    ],
)
def test_a_url_is_parsed_into_its_endpoint_and_parameters(
    text: str, path: str, params: Params
) -> None:
    endpoint, in_url = match_url(SHOP, SHOP.base_url, text)

    assert (endpoint.path, in_url) == (path, params)


def test_secret_parameters_are_removed_in_any_spelling_and_no_others() -> None:
    secrets = ["token", "TOKEN", "Key", "api_key", "ApiKey", "access_token"]
    others = {"tokens": "1", "keyword": "2", "cursor": "3", "": "4"}

    assert without_secrets({**dict.fromkeys(secrets, "hidden"), **others}) == others


def test_a_shape_names_its_parameters_in_sorted_order() -> None:
    names = frozenset({"a", "b"})

    assert with_query("list", {"b": "2", "c": "3", "a": "1"}, names) == "list?a=1&b=2"
    assert with_query("list", {"c": "3"}, names) == "list"


def test_the_digest_of_a_request_does_not_depend_on_the_order_of_its_parameters() -> None:
    assert request_digest({"a": "1", "b": "2"}) == request_digest({"b": "2", "a": "1"})
    names = [{"a": "1"}, {"a": "2"}, {"b": "1"}, {}, {"a": "1", "b": ""}]
    assert len({request_digest(params) for params in names}) == len(names)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a|1", "a|1"),
        (7, "7"),
        (0, "0"),
        (1.5, "1.5"),
        ("", None),
        (None, None),
        (True, None),
        (False, None),
        ([1], None),
        ({}, None),
    ],
)
def test_a_cursor_is_a_text_or_a_number(value: object, expected: str | None) -> None:
    assert cursor_text(value) == expected


def test_a_member_that_is_not_an_object_is_read_as_an_empty_one() -> None:
    assert read_object(b'{"metadata":{"a":"x"}}', "metadata") == {"a": "x"}
    for body in (b'{"metadata":[1]}', b'{"metadata":null}', b"{}", b'{"metadata":{"a":', b"<html>"):
        assert read_object(body, "metadata") == {}


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"\n"])
def test_a_body_is_decoded_also_after_a_byte_order_mark_or_white_space(prefix: bytes) -> None:
    body = prefix + b'{"metadata":{"next":1}}'

    assert decode_as(body, dict[str, dict[str, int]]) == {"metadata": {"next": 1}}
    assert read_object(body, "metadata") == {"next": "1"}


@pytest.mark.parametrize("number", ["-0", "1.10", "1e3", "9" * 5000])
def test_a_number_in_a_page_stays_as_it_is_spelled(number: str) -> None:
    body = b'{"metadata":{"next":%s}}' % number.encode()

    assert cursor_text(read_object(body, "metadata")["next"]) == number


def test_only_the_named_parameters_of_a_link_are_picked() -> None:
    link = "https://x/?cursor=a%7C1&token=hidden&page=2"

    assert pick_params(link, ("cursor", "offset")) == {"cursor": "a|1"}


def test_a_source_finds_its_endpoints_listings_and_probes_by_name() -> None:
    probe = Probe("book", "/books/:id", lambda id_: {"id": id_}, refusals_needed=1, min_span_us=0)
    source = Source(
        "shop",
        SHOP.base_url,
        SHOP.endpoints,
        (Listing("books", "/books/new"), probe_listing("gone", probe)),
    )

    assert source.endpoint("/books/new").path == "/books/new"
    assert (source.listing("gone").path, source.probes) == ("/books/:id", (probe,))
    assert [listing.has_derived_requests for listing in source.listings] == [False, True]
    with pytest.raises(Invalid, match="no endpoint /x"):
        source.endpoint("/x")
    with pytest.raises(Invalid, match="no listing 'x'") as caught:
        source.listing("x")
    assert "books, gone" in str(caught.value.hint)
