"""Probes: which entities are requested directly, how often, and when refusals prove them gone."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import DAY, HOUR, MINUTE, format_us
from eventlog.format.event import BACK, GONE, UNLISTED
from fetcher.record.tombstones import due_probes, gone_events, is_due, listing_notices
from fetcher.source import Probe, Source
from fetcher.split.response import PageContext
from fetcher.state.presence import close_presence
from tests.fetcher.making import START
from tests.fetcher.stream import ALL, CIVITAI, DETAIL, MODEL, MODELS, OPENROUTER, Log

A1, A2, A3 = ({"author": "a", "slug": name} for name in "123")
RUN = {"run": "run-9", "epoch": "2026-11-21T09"}


def probe_of(source: Source, type_: str, **changes: Any) -> Probe:
    return attrs.evolve(next(probe for probe in source.probes if probe.type == type_), **changes)


def probed_ids(log: Log, probe: Probe, at: int | None = None) -> list[str]:
    """Ids that a sync at this instant probes, in order."""
    presence = log.open_presence()
    try:
        requests = due_probes(presence, probe, log.clock.at if at is None else at)
        return [params.get("id") or params["slug"] for params in requests]
    finally:
        close_presence(presence)


def tombstones(log: Log, probe: Probe) -> list[tuple[str | None, int]]:
    presence = log.open_presence()
    try:
        drafts = gone_events(presence, probe, **RUN)
        return [(draft.id, len(draft.members["evidence"])) for draft in drafts]
    finally:
        close_presence(presence)


def log_without(root: Path, *ids: str) -> Log:
    """A log whose last listing lacks these models."""
    log = Log(root, OPENROUTER)
    log.append_listing("a/0", *ids)
    log.append_listing("a/0")
    log.begin_probing("gone-models")
    return log


def test_only_entities_missing_from_their_listings_are_probed(tmp_path: Path) -> None:
    log = log_without(tmp_path, "a/1", "a/2")
    log.append_listing("a/2", params={"output_modalities": "all"})

    assert probed_ids(log, probe_of(OPENROUTER, "model")) == ["1"]


def test_entities_that_were_refused_before_are_probed_first_up_to_the_maximum(
    tmp_path: Path,
) -> None:
    log = log_without(tmp_path, "a/1", "a/2", "a/3")
    log.append_response(MODEL, A3, 404)
    log.clock.at += HOUR

    assert probed_ids(log, probe_of(OPENROUTER, "model")) == ["3", "1", "2"]
    assert probed_ids(log, probe_of(OPENROUTER, "model", max_requests=2)) == ["3", "1"]


def test_a_second_probe_is_sent_after_half_an_hour_and_no_third(tmp_path: Path) -> None:
    log = log_without(tmp_path, "a/1")
    log.append_response(MODEL, A1, 404)
    probe = probe_of(OPENROUTER, "model")
    refused_at = log.clock.at

    assert probed_ids(log, probe, refused_at + 29 * MINUTE) == []
    assert probed_ids(log, probe, refused_at + 31 * MINUTE) == ["1"]
    log.clock.at += 40 * MINUTE
    log.append_response(MODEL, A1, 404)

    assert probed_ids(log, probe, log.clock.at + DAY) == []
    assert tombstones(log, probe) == [("a/1", 2)]


def test_two_refusals_within_half_an_hour_prove_nothing(tmp_path: Path) -> None:
    log = log_without(tmp_path, "a/1")
    log.append_response(MODEL, A1, 404)
    log.clock.at += 29 * MINUTE
    log.append_response(MODEL, A1, 404)

    assert tombstones(log, probe_of(OPENROUTER, "model")) == []


def test_a_refusal_before_the_entity_was_missing_is_no_evidence(tmp_path: Path) -> None:
    log = Log(tmp_path, OPENROUTER)
    log.begin_probing("gone-models")
    log.append_listing("a/1")
    log.append_response(MODEL, A1, 404)
    log.clock.at += HOUR
    log.append_listing()
    log.append_response(MODEL, A1, 404)

    assert tombstones(log, probe_of(OPENROUTER, "model")) == []


def test_a_missing_entity_that_answers_is_probed_again_after_a_week(tmp_path: Path) -> None:
    log = log_without(tmp_path, "a/1")
    log.append_response(MODEL, A1, 200, b'{"data":{"id":"a/1"}}')
    probe = probe_of(OPENROUTER, "model")

    assert probed_ids(log, probe, log.clock.at + 7 * DAY - HOUR) == []
    assert probed_ids(log, probe, log.clock.at + 7 * DAY) == ["1"]


def test_an_entity_that_vanishes_again_is_probed_as_the_first_time(tmp_path: Path) -> None:
    log = log_without(tmp_path, "a/1")
    log.append_response(MODEL, A1, 200, b'{"data":{"id":"a/1"}}')
    probe = probe_of(OPENROUTER, "model")
    log.clock.at += HOUR
    log.append_listing("a/0", "a/1")
    assert probed_ids(log, probe) == []

    log.append_listing("a/0")

    assert probed_ids(log, probe) == ["1"]


def test_an_answer_without_a_named_entity_is_no_answer_to_a_probe(tmp_path: Path) -> None:
    log = log_without(tmp_path, "a/1")
    log.append_response(MODEL, A1, 404)
    log.clock.at += HOUR
    log.append_response(MODEL, A1, 200, b'{"data":{}}')
    log.append_response(MODEL, A1, 404)

    assert tombstones(log, probe_of(OPENROUTER, "model")) == [("a/1", 2)]


@pytest.mark.parametrize("place", [{}, {"is_last": False}, {"scope": None, "page_no": None}])
def test_an_entity_that_returns_after_its_gone_event_is_back(
    tmp_path: Path, place: dict[str, Any]
) -> None:
    log = Log(tmp_path, OPENROUTER)
    log.append_listing("a/1", "a/2")
    log.append_event(kind=GONE, type="model", id="a/1")

    presence = log.open_presence()
    where = {"scope": MODELS, "page_no": 1, "is_last": True, **place}
    names = [("model", "a/1"), ("model", "a/2"), ("model", "a/1")]
    context = PageContext(run=log.run, epoch="x", **where)
    drafts = listing_notices(presence, context, MODELS, names, format_us(log.clock.at))
    close_presence(presence)
    assert [(draft.kind, draft.id) for draft in drafts] == [(BACK, "a/1")]

    log.append_listing("a/1", "a/2")
    assert notice(log, "a/1", "a/2") == []


def test_an_entity_that_another_page_has_shown_since_is_not_back_a_second_time(
    tmp_path: Path,
) -> None:
    log = Log(tmp_path, OPENROUTER)
    log.append_listing("a/1")
    log.append_event(kind=GONE, type="model", id="a/1")
    presence = log.open_presence()

    log.append_listing("a/1", last=False)
    context = PageContext(run=log.run, epoch="x")
    drafts = listing_notices(presence, context, MODEL, [("model", "a/1")], format_us(log.clock.at))

    close_presence(presence)
    assert drafts == []


def test_one_probe_proves_that_all_endpoints_of_a_model_are_gone(
    tmp_path: Path,
) -> None:
    path, log = f"{MODELS}/:author/:slug/endpoints", Log(tmp_path, OPENROUTER)
    body = b'{"data":{"endpoints":[{"tag":"x"},{"tag":"y"}]}}'
    scope = OPENROUTER.endpoint(path).scope(A1)
    log.append_listing("a/0", "a/1")
    log.append_response(path, A1, 200, body, scope=scope, page_no=1, last=True)
    log.append_listing("a/0")
    log.begin_probing("gone-endpoints")
    probe = probe_of(OPENROUTER, "endpoint")
    assert probed_ids(log, probe) == ["1"]

    for _ in range(2):
        log.append_response(path, A1, 404)
        log.clock.at += HOUR

    assert tombstones(log, probe) == [("a/1#x", 2), ("a/1#y", 2)]


def test_civitai_is_probed_every_day_and_a_half_until_the_third_refusal(
    tmp_path: Path,
) -> None:
    log, probe = Log(tmp_path, CIVITAI), probe_of(CIVITAI, "model")
    assert probed_ids(log, probe) == []

    for refusal in range(1, 4):
        log.append_response(DETAIL, {"id": "7"}, 404)
        assert probed_ids(log, probe, log.clock.at + 36 * HOUR - MINUTE) == []
        assert probed_ids(log, probe, log.clock.at + 36 * HOUR) == (["7"] if refusal < 3 else [])
        assert tombstones(log, probe) == ([("7", 3)] if refusal == 3 else [])
        log.clock.at += 36 * HOUR


def test_a_probe_that_needs_one_refusal_is_sent_once() -> None:
    once = Probe("model", DETAIL, lambda id_: {"id": id_}, refusals_needed=1, min_span_us=DAY)

    assert not is_due(once, "2026-11-21T05:00:00.000000Z", None, START + HOUR)


def notice(log: Log, *ids: str, **place: Any) -> list[tuple[str, str | None]]:
    """The notices of a page of models that is about to be written."""
    presence = log.open_presence()
    try:
        where = {"scope": MODELS, "page_no": 1, "is_last": True, **place}
        drafts = listing_notices(
            presence,
            PageContext(run=log.run, epoch="x", **where),
            MODELS,
            [("model", id_) for id_ in ids],
            format_us(log.clock.at),
        )
        assert {draft.members["scope"] for draft in drafts} <= {MODELS}
        return [(draft.kind, draft.id) for draft in drafts]
    finally:
        close_presence(presence)


def test_notices_name_the_entities_that_a_complete_listing_lost_or_regained(tmp_path: Path) -> None:
    log = Log(tmp_path, OPENROUTER)
    log.append_listing("a/1", "a/2", "a/3")
    log.append_listing("a/3")

    assert notice(log, "a/2", "a/4") == [(UNLISTED, "a/3"), (BACK, "a/2")]


@pytest.mark.parametrize(
    "place", [{"scope": None}, {"page_no": None}, {"is_last": False}, {"page_no": 2}]
)
def test_a_page_that_does_not_complete_a_listing_has_no_notices(
    tmp_path: Path, place: dict[str, Any]
) -> None:
    log = Log(tmp_path, OPENROUTER)
    log.append_listing("a/1", "a/2")

    assert notice(log, "a/1", **place) == []


def test_the_last_page_of_a_listing_has_the_notices_of_all_its_pages(tmp_path: Path) -> None:
    log = Log(tmp_path, OPENROUTER)
    log.append_listing("a/1", "a/2", "a/3")
    log.run = "run-2"
    log.append_listing("a/1", last=False)

    assert notice(log, "a/2", page_no=2) == [(UNLISTED, "a/3")]


def test_probes_depend_on_events_written_after_the_index_was_opened(tmp_path: Path) -> None:
    log, probe = Log(tmp_path, OPENROUTER), probe_of(OPENROUTER, "model")
    log.append_listing("a/0", "a/1")
    before = [log.open_presence() for _ in range(3)]
    place = PageContext(run=log.run, epoch="x", scope=MODELS, page_no=2, is_last=True)

    log.append_listing("a/0", last=False)
    notices = listing_notices(before[0], place, MODELS, [], format_us(log.clock.at))
    log.append_listing("a/0")
    log.begin_probing("gone-models")
    assert due_probes(before[1], probe, log.clock.at) == [A1]
    for _ in range(2):
        log.append_response(MODEL, A1, 404)
        log.clock.at += HOUR

    assert [(draft.kind, draft.id) for draft in notices] == [(UNLISTED, "a/1")]
    assert [draft.id for draft in gone_events(before[2], probe, **RUN)] == ["a/1"]
    for presence in before:
        close_presence(presence)


def test_notices_depend_on_listings_written_after_the_index_was_opened(tmp_path: Path) -> None:
    """Another listing shows `a/2` again just before one that lacks it."""
    log = Log(tmp_path, OPENROUTER)
    log.append_listing("a/2")
    for _ in range(2):
        log.append_listing("a/2", params=ALL)
        log.clock.at += HOUR
    opened = log.open_presence()
    log.clock.at += DAY
    log.append_listing("a/2", params=ALL)

    place = PageContext(run=log.run, epoch="x", scope=MODELS, page_no=1, is_last=True)
    assert listing_notices(opened, place, MODELS, [], format_us(log.clock.at)) == []
    close_presence(opened)
