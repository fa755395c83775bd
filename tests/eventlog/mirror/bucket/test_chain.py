"""Chains: in any order of the records, a link continues the one before it and counts once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.mirror.bucket.chain import (
    Chains,
    LinkFacts,
    StreamHead,
    extend_chains,
    heads_as_text,
    incomplete_streams,
    known_link_facts,
    link_facts,
    parse_stream,
)
from eventlog.mirror.bucket.record import Link
from tests.eventlog.making import SOURCE, WRITER
from tests.eventlog.mirror.links import lost_link, sealed_link

KEY = (SOURCE, WRITER)


def chain_of(lengths: list[int]) -> list[LinkFacts]:
    """Returns the links of a stream whose segments have these numbers of events."""
    links: list[LinkFacts] = []
    for hour, rows in enumerate(lengths):
        first = links[-1].last_seq + 1 if links else 1
        previous = links[-1].sha256 if links else None
        link: Link = sealed_link(first, rows, previous, hour)
        if rows % 3 == 0:
            link = lost_link(first, rows, previous)
        links.append(link_facts(link, "here"))
    return links


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.data())
def test_links_that_are_read_in_any_order_and_repeatedly_form_one_chain(
    lengths: list[int], data: st.DataObject
) -> None:
    links = chain_of(lengths)
    repeated = links + data.draw(st.lists(st.sampled_from(links), max_size=5))
    chains = Chains()

    for link in data.draw(st.permutations(repeated)):
        extend_chains(chains, [link], "here")

    assert chains.heads == {KEY: links[-1].head}
    assert list(incomplete_streams(chains)) == []


@given(st.integers(1, 10**9), st.integers(1, 99), st.none() | st.just("ab" * 32), st.booleans())
def test_a_link_that_was_read_before_has_the_same_facts(
    first: int, rows: int, previous: str | None, is_lost: bool
) -> None:
    link = (lost_link if is_lost else sealed_link)(first, rows, previous)
    other_name = Link(link.kind, None, None, link.file.replace(f"{SOURCE}/", "a-b_c/"))

    assert known_link_facts(link) == link_facts(link, "here")
    assert known_link_facts(other_name) == link_facts(other_name, "here")


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.data())
def test_a_hole_is_reported_with_what_is_missing(lengths: list[int], data: st.DataObject) -> None:
    links = chain_of(lengths)
    missing = data.draw(st.integers(0, len(links) - 2))
    chains = Chains()
    extend_chains(chains, links[:missing] + links[missing + 1 :], "here")

    seq = links[missing].first_seq
    [problem] = incomplete_streams(chains)
    assert problem.endswith(f"but seq {seq} is missing")
    assert problem.startswith(links[missing + 1].segment)
    extend_chains(chains, [links[missing]], "here")
    assert chains.heads == {KEY: links[-1].head}


def test_a_link_that_contradicts_its_stream_is_refused() -> None:
    first = link_facts(sealed_link(1, 3), "here")
    for other, problem in (
        (sealed_link(4, 2, "ab" * 32, hour=1), "continues a segment with SHA-256 abab"),
        (sealed_link(4, 2, None, hour=1), "continues a segment with SHA-256 None"),
        (sealed_link(3, 2, None, hour=1), "other contents"),
        (sealed_link(1, 3, None, hour=1), "other contents"),
        (sealed_link(1, 4), f"two folders write the stream {SOURCE}, {WRITER}"),
    ):
        with pytest.raises(Corrupt, match=problem):
            extend_chains(Chains(), [first, link_facts(other, "here")], "here")
    with pytest.raises(Corrupt, match="but nothing with None… precedes"):
        extend_chains(Chains(), [link_facts(sealed_link(1, 3, "ab" * 32), "here")], "here")


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.data())
def test_a_stream_that_two_folders_write_is_refused_in_whatever_order_its_links_are_read(
    lengths: list[int], data: st.DataObject
) -> None:
    links = chain_of(lengths)
    number = data.draw(st.integers(0, len(links) - 1))
    fork = links[number]
    other = sealed_link(fork.first_seq, lengths[number], fork.previous, hour=100)
    position = data.draw(st.integers(0, len(links)))
    read = [*links[:position], link_facts(other, "here"), *links[position:]]

    with pytest.raises(Corrupt, match="two folders write the stream"):
        extend_chains(Chains(), read, "here")


def test_links_that_an_earlier_process_read_may_be_read_again() -> None:
    links = chain_of([3, 3, 3])
    other = link_facts(sealed_link(7, 3, links[1].sha256, hour=100), "here")

    chains = Chains({KEY: links[-1].head})
    extend_chains(chains, links, "here")
    assert chains.heads == {KEY: links[-1].head}
    with pytest.raises(Corrupt, match="two folders write the stream"):
        extend_chains(Chains({KEY: links[-1].head}), [other], "here")


def test_two_links_that_wait_for_the_same_seq_must_be_equal() -> None:
    links = [link_facts(sealed_link(4, 2, text * 32, hour=1), "here") for text in ("ab", "cd")]

    with pytest.raises(Corrupt, match="other contents"):
        extend_chains(Chains(), links, "here")


def test_streams_are_kept_by_their_text() -> None:
    head = StreamHead(3, "ab" * 32, "x")
    texts = heads_as_text({("b", WRITER): head, ("a", WRITER): head})

    assert list(texts) == [f"a/{WRITER}", f"b/{WRITER}"]
    assert [parse_stream(text) for text in texts] == [("a", WRITER), ("b", WRITER)]
