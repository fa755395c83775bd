"""State of an entity as of an instant: present, absent with its evidence, or unknown."""

import pytest

from projector.query.entity_at import ABSENT, PRESENT, UNKNOWN, list_versions, look_up_entity
from projector.update.update import update
from tests.projector.conftest import WRITER, model, write_archive
from tests.projector.logs import Gone, Page, hours, write_log
from tests.projector.projections import chosen

COVERED = chosen("openrouter.models", "log.coverage")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The archive of that name, with the coverage of its listings."""
    return write_archive(tmp_path_factory.mktemp("covered"), COVERED)


def at(root, id, hour=None):
    return look_up_entity(root, "openrouter", "model", id, None if hour is None else hours(hour))


def test_a_present_entity_names_the_event_that_contains_its_bytes(shared):
    state = at(shared, "a", 0.5)

    assert state.state == PRESENT
    assert state.position == (WRITER, 1)
    assert state.segment == f"openrouter/2026-11-01/00-{WRITER}-000"


def test_an_absent_entity_comes_with_the_listing_that_proves_it(shared):
    state = at(shared, "b", 1.5)

    assert (state.state, state.since) == (ABSENT, hours(1))
    assert "not on the listing /models of run r1" in state.evidence
    assert state.position == (WRITER, 2)
    assert at(shared, "b", 2).state == PRESENT


def test_before_its_first_observation_an_entity_is_unknown(shared):
    state = at(shared, "a", -5)

    assert state.state == UNKNOWN
    assert state.first_seen_at == hours(0)
    assert at(shared, "never").evidence == "never seen"
    assert look_up_entity(shared, "elsewhere", "model", "a").state == UNKNOWN


def test_without_recent_listings_a_past_instant_is_unknown_and_now_is_the_last_state(shared):
    assert at(shared, "a", 3).state == PRESENT
    late = at(shared, "a", 40)

    assert (late.state, late.since) == (UNKNOWN, hours(2))
    assert late.position == (WRITER, 4)
    assert at(shared, "a").state == PRESENT


def test_a_partial_listing_proves_nothing(archive):
    write_log(archive, "openrouter", WRITER, [Page(hours(3), [], "r3", "/models", 1, False)])
    update(archive, definitions=COVERED)

    assert at(archive, "a").state == PRESENT


def test_gone_is_ended_by_any_later_sighting(archive):
    probes = [Gone(hours(3), "model", "a"), Page(hours(4), [model("a", "A2")])]
    write_log(archive, "openrouter", WRITER, probes)
    update(archive, definitions=COVERED)

    assert (at(archive, "a", 3).state, at(archive, "a", 3).since) == (ABSENT, hours(3))
    assert "probed and gone" in at(archive, "a", 3).evidence
    assert at(archive, "a", 4).state == PRESENT


def test_a_version_has_how_it_began_and_how_it_ended(shared):
    assert [
        (version.kind, version.ends)
        for version in list_versions(shared, "openrouter", "model", "a")
    ] == [
        ("appeared", "changed"),
        ("changed", None),
    ]
    assert [
        (version.kind, version.ends, version.valid_from, version.valid_to)
        for version in list_versions(shared, "openrouter", "model", "b")
    ] == [("appeared", "gone", hours(0), hours(1)), ("back", None, hours(2), None)]
    assert list_versions(shared, "openrouter", "model", "never") == []
