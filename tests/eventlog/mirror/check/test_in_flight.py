"""Segments in no record: what an interrupted push can leave, and what it cannot."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.mirror.check import in_flight
from eventlog.mirror.check.compare import ComparedObject, Finding
from eventlog.mirror.check.in_flight import (
    COMPLETE,
    TOO_MANY,
    complete_segments,
    settle_in_flight,
)

SUFFIXES = (".ndjson.zst", ".manifest.json", ".lost.json")
objects = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5), st.sampled_from(SUFFIXES))


def found(name: str, finding: Finding = Finding.IN_FLIGHT) -> ComparedObject:
    return ComparedObject(name, finding, None)


@given(st.sets(objects))
def test_complete_segments_are_in_flight_unless_a_stream_has_too_many(
    there: set[tuple[str, int, str]],
) -> None:
    names = {
        (source, hour, suffix): f"log/{source}/2026-11-21/{hour:02d}-1a2b3c4d-000{suffix}"
        for source, hour, suffix in there
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(in_flight, "MAX_LINKS", 2)
        settled = {item.name: item for item in settle_in_flight([*map(found, names.values())])}

    # slow reference: each segment by itself
    complete = {
        (source, hour)
        for source, hour, _ in there
        if (source, hour, ".lost.json") in there
        or {(source, hour, ".ndjson.zst"), (source, hour, ".manifest.json")} <= there
    }
    per_stream = Counter(source for source, _ in complete)
    for (source, hour, suffix), name in names.items():
        item = settled[name]
        if per_stream[source] > 2:
            assert (item.finding, item.text) == (Finding.FOREIGN, TOO_MANY)
        else:
            is_complete = (source, hour) in complete and suffix != ".ndjson.zst"
            assert (item.finding, item.text) == (Finding.IN_FLIGHT, COMPLETE * is_complete)


def test_other_findings_stay_as_they_are() -> None:
    manifest = "log/a/2026-11-21/05-1a2b3c4d-000.manifest.json"
    others = (
        found(manifest, Finding.FOREIGN),
        found(manifest.replace("manifest.json", "ndjson.zst")),
        found(f"assets/sha256/ab/{'ab' * 32}"),
        found("mirror/aa000001/0000000000.json"),
    )

    assert settle_in_flight(others) == others and complete_segments(others) == []
