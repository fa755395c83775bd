"""The change feed: what happened to entities, without telemetry."""

import shutil

import attrs
import pytest

from eventlog.errors import Unavailable
from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path, sealed_path
from projector.limits import LIMITS
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS

FEED = (
    "SELECT id, change, path, kind, old, new FROM openrouter.models_changes "
    "ORDER BY changed_at, change = 'changed', id, path"
)


def feed(root, sql=FEED):
    return list(run_query(root, sql).rows)


def test_appeared_changed_gone_and_back(shared):
    assert feed(shared) == [
        ("a", "appeared", None, None, None, None),
        ("b", "appeared", None, None, None, None),
        ("b", "gone", None, None, None, None),
        ("a", "changed", "/name", "replace", '"A"', '"A2"'),
        ("a", "changed", "/pricing", "remove", '{"prompt":"0.25"}', None),
        ("b", "back", None, None, None, None),
    ]


def test_telemetry_is_left_out_unless_asked_for(empty):
    pages = [
        Page(hours(n), [model("a", "A", benchmarks={"elo": n})], f"r{n}", "/models", 1, True)
        for n in range(3)
    ]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=MODELS)
    telemetry = (
        "SELECT path, is_telemetry FROM openrouter.models_changes_at(NULL) WHERE path IS NOT NULL"
    )

    assert [row[1] for row in feed(empty)] == ["appeared"]
    assert feed(empty, telemetry) == [("/benchmarks/elo", True)] * 2


def test_the_same_field_of_most_entities_in_one_hour_is_one_wave(empty):
    ids = [f"m{n:02d}" for n in range(20)]
    before = [model(id, id, price=1) for id in ids]
    after = [model(id, id, price=2 if id == "m00" else 1, links={}) for id in ids]
    pages = [
        Page(hours(0), before, "r0", "/models", 1, True),
        Page(hours(1), after, "r1", "/models", 1, True),
    ]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=MODELS)
    waves = "SELECT count(*) FROM openrouter.models_changes_at(NULL) WHERE is_wave"

    assert [row[2] for row in feed(empty) if row[1] == "changed"] == ["/price"]
    assert feed(empty, waves) == [(20,)]


def test_a_late_segment_creates_new_pairs_of_consecutive_versions(archive):
    late = [Page(hours(0.5), [model("a", "between")], "l", None, 1)]
    write_log(archive, "openrouter", "0000000b", late)
    update(archive, definitions=MODELS)

    names = [row[4:] for row in feed(archive) if row[2] == "/name"]
    assert names == [('"A"', '"between"'), ('"between"', '"A2"')]


@pytest.mark.parametrize(
    ("near", "most_bytes"),
    [
        (0, 1),
        (2, 10**9),
        *(
            pytest.param(near, most, marks=pytest.mark.slow)
            for near, most in ((0, 10**9), (2, 1), (10**9, 1), (10**9, 10**9))
        ),
    ],
)
def test_differences_do_not_depend_on_the_places_of_bodies_or_on_limits(empty, near, most_bytes):
    """There are two writers; some entities are seen each hour, others rarely."""
    for writer, shift in ((WRITER, 0), ("0000000b", 0.4)):
        seen = [
            [model(f"m{n}", f"{hour // (n % 4 + 1)} {n}") for n in range(8) if hour % (n + 1) == 0]
            for hour in range(12)
        ]
        pages = [Page(hours(n + shift), each, f"{writer}{n}") for n, each in enumerate(seen)]
        write_log(empty, "openrouter", writer, pages)
    limits = attrs.evolve(
        LIMITS,
        max_near_events=near,
        max_cached_block_bytes=most_bytes,
        max_sort_run_bytes=most_bytes,
        max_difference_bytes=most_bytes,
        max_pairing_sightings=10 * most_bytes,
    )
    update(empty, definitions=MODELS, limits=limits)
    versions = (
        "SELECT lag(name) OVER past, name FROM openrouter.models_versions "
        "WINDOW past AS (PARTITION BY id ORDER BY valid_from) "
        "QUALIFY lag(name) OVER past IS NOT NULL"
    )
    changes = [(row[4].strip('"'), row[5].strip('"')) for row in feed(empty) if row[2] == "/name"]

    assert len(changes) > 20
    assert sorted(changes) == sorted(feed(empty, versions))


def test_an_update_compares_what_an_interrupted_one_built_but_did_not_compare(empty, monkeypatch):
    pages = [Page(hours(n), [model("a", str(n))], f"r{n}", "/models", 1, True) for n in range(2)]
    write_log(empty, "openrouter", WRITER, pages)

    def ended(*_args):
        raise Unavailable("ended here")

    with monkeypatch.context() as patch:
        patch.setattr("projector.update.compare_versions.add_differences", ended)
        assert "ended here" in update(empty, definitions=MODELS).failed
    assert [row[1] for row in feed(empty)] == ["appeared"]
    update(empty, definitions=MODELS)

    assert [row[1] for row in feed(empty)] == ["appeared", "changed"]


def test_a_body_that_arrives_after_its_sighting_is_compared(empty, tmp_path_factory):
    """The import of a later hour stored the body and is mirrored after that of an earlier hour."""
    far = tmp_path_factory.mktemp("far")
    (far / "log").mkdir()
    pages = [Page(hours(n), [model("a", "two")], f"r{n}", "/models", 1, True) for n in (3, 1)]
    write_log(far, "openrouter", WRITER, pages)
    first = Page(hours(0), [model("a", "one")], "r0", "/models", 1, True)
    write_log(empty, "openrouter", "0000000b", [first])
    for segment in list_segments(far, "openrouter"):
        for place in (sealed_path, manifest_path):
            place(empty, segment.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place(far, segment.name), place(empty, segment.name))
        update(empty, definitions=MODELS)

    assert [row[4:] for row in feed(empty) if row[2] == "/name"] == [('"one"', '"two"')]


def test_the_feed_answers_as_of_a_past_instant(shared):
    past = run_query(shared, FEED, as_of=hours(0.9))

    assert [row[1] for row in past.rows] == ["appeared", "appeared"]


@pytest.mark.parametrize("lost", ["d-*.parquet", "compared.json", "schema.parquet"])
def test_differences_that_were_deleted_are_found_again(empty, lost):
    for hour, name in enumerate(["one", "two", "three"]):
        page = Page(hours(hour), [model("a", name)], f"r{hour}", "/models", 1, True)
        write_log(empty, "openrouter", WRITER, [page])
        update(empty, definitions=MODELS)
    expected = feed(empty)
    next((empty / "views" / "parts").rglob(f"log.diffs/*/{lost}")).unlink()
    update(empty, definitions=MODELS)

    assert [row[4:] for row in expected if row[2] == "/name"] == [
        *(('"one"', '"two"'), ('"two"', '"three"'))
    ]
    assert feed(empty) == expected


def test_merged_files_that_still_exist_are_not_read_twice(empty):
    """The record of what was compared says which are read; it is written anew if it is lost."""
    limits = attrs.evolve(LIMITS, max_difference_files=1, max_difference_bytes=1)
    names = ["one", "two", "three"]
    pages = [Page(hours(n), [model("a", x)], f"r{n}", "/m", 1, True) for n, x in enumerate(names)]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=MODELS, limits=limits)
    expected = feed(empty)
    folder = next((empty / "views" / "parts").rglob("log.diffs/*/m-*.parquet")).parent
    (folder / "compared.json").unlink()
    update(empty, definitions=MODELS)

    assert len([*folder.glob("d-*.parquet")]) >= 2
    assert feed(empty) == expected
