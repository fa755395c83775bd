"""Drift: changes of the structure of upstream responses."""

import pytest

from eventlog.files.assets import put_asset
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.query.drift import summarize_views
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import UNSAFE, Page, Seen, hours, write_log
from tests.projector.projections import chosen
from tests.projector.recorded import HISTORY, import_snapshots, snapshots

LOG = chosen("log.drift", "log.assets")
DRIFT = """SELECT path, change, epoch_us(changed_at), types_before, types, segment, seq
FROM log.drift ORDER BY changed_at, path"""


def models(hour: float, count: int, **body: object) -> Page:
    seen = [Seen("model", str(n), {"n": n, "at": hour, **body}) for n in range(count)]
    return Page(hours(hour), seen, f"r{hour}", "/models", 1, True)


def rows_after_update(root, source: str, pages: list[Page], sql: str = DRIFT):
    write_log(root, source, WRITER, pages)
    assert update(root, definitions=LOG).failed == ()
    return list(run_query(root, sql).rows)


def test_a_new_a_retyped_and_a_vanished_path_are_rows_that_name_an_event(empty):
    pages = [
        models(0, 6, price="1", old={"x": 1}),
        models(30, 6, price=1, new={"deep": {"er": True}}),
        models(31, 6, price=1, new={"deep": {"er": True}}),
    ]
    drift_rows = rows_after_update(empty, "openrouter", pages)

    second = "openrouter/2026-11-02/06-0a0b0c0d-000"
    assert drift_rows == [
        ("/new", "new", hours(30), None, ["object"], second, 8),
        ("/old", "vanished", hours(30), ["object"], None, second.replace("02/06", "01/00"), 1),
        ("/price", "retyped", hours(30), ["string"], ["number"], second, 8),
    ]
    assert [change.change for change in list(summarize_views(empty, hours(30)).drift)] == [
        "new",
        "vanished",
        "retyped",
    ]
    assert list(summarize_views(empty, hours(31)).drift) == []


def test_a_rare_path_has_not_vanished_before_enough_bodies_lack_it(empty):
    rare = Seen("model", "0", {"n": 0, "rare": 1})
    first = [rare, *(Seen("model", str(n), {"n": n}) for n in range(1, 20))]
    pages = [Page(hours(0), first, "r", "/models", 1, True), models(2, 20), models(3, 20)]

    assert rows_after_update(empty, "openrouter", pages) == []


def test_a_path_that_is_seen_without_being_stored_again_has_not_vanished(empty):
    """The bodies with the path do not change; those without it are stored every hour."""
    with_path = [Seen("model", f"a{n}", {"n": n, "old": 1}) for n in range(20)]

    def page(hour: float, *seen: Seen) -> Page:
        others = [Seen("model", f"b{n}", {"n": n, "at": hour}) for n in range(20)]
        return Page(hours(hour), [*seen, *others], f"r{hour}", "/models", 1, True)

    pages = [page(0, *with_path), *(page(hour, *with_path) for hour in range(1, 5))]
    seen_sql = "SELECT epoch_us(first_seen_at), epoch_us(last_seen_at) FROM log.paths"
    assert rows_after_update(empty, "openrouter", pages) == []
    assert list(run_query(empty, f"{seen_sql} WHERE path = '/old'").rows) == [(hours(0), hours(4))]
    assert list(run_query(empty, f"{seen_sql} WHERE path = '/old'", as_of=hours(2.5)).rows) == [
        (hours(0), hours(2))
    ]

    changed = [Seen("model", f"a{n}", {"n": n, "new": 1}) for n in range(20)]
    later = [page(30, *with_path), page(31, *changed), page(32, *changed)]
    write_log(empty, "openrouter", "0b0b0b0b", later)
    update(empty, definitions=LOG)
    assert [row[:3] for row in run_query(empty, DRIFT).rows] == [
        ("/new", "new", hours(31)),
        ("/old", "vanished", hours(31)),
    ]


def test_every_path_has_its_types_its_share_and_its_null_rate(empty):
    bodies = [{"a": None}, {"a": "x", "b": [1]}, {"a": None, "b": []}, {"a": None, "c/d": {}}]
    seen = [Seen("model", str(n), body) for n, body in enumerate(bodies)]
    sql = "SELECT path, types, bodies, null_rate, share FROM log.paths ORDER BY path"

    assert rows_after_update(empty, "openrouter", [Page(hours(0), seen)], sql) == [
        ("", ["object"], 4, 0, 1),
        ("/a", ["null", "string"], 4, 0.75, 1),
        ("/b", ["array"], 2, 0, 0.5),
        ("/b/*", ["number"], 1, 0, 0.25),
        ("/c~1d", ["object"], 1, 0, 0.25),
    ]


def test_a_path_names_its_first_event_also_among_many_of_one_instant(empty):
    """Without an explicit order an aggregate takes any of several equal values."""
    bodies = [{"n": n, f"only{n % 40}": {"x": "y" * n}, "all": n % 7 or None} for n in range(400)]
    seen = [Seen("model", str(n), body) for n, body in enumerate(bodies)]
    sql = "SELECT path, writer, seq FROM log.paths"
    path_rows = rows_after_update(empty, "openrouter", [Page(hours(0), seen)], sql)

    first = {f"/only{n}": n for n in range(40)} | {f"/only{n}/x": n for n in range(40)}
    first |= {"": 0, "/n": 0, "/all": 0}
    assert {path: seq for path, _, seq in path_rows} == {path: n + 1 for path, n in first.items()}
    kinds = list(run_query(empty, "SELECT kind, seq FROM log.structures WHERE path = '/all'").rows)
    assert sorted(kinds) == [("null", 1), ("number", 2)]


@pytest.mark.parametrize(
    ("source", "type", "body", "paths"),
    [
        ("civitai", "image", {"meta": {"Model hash": "x", "seed": 1}}, ["", "/meta"]),
        (
            "civitai",
            "modelVersion",
            {"files": [{"hashes": {"SHA256": "x"}}]},
            ["", "/files", "/files/*", "/files/*/hashes"],
        ),
        ("openrouter", "endpoint", {"pricing_json": {"a:b": "1"}}, ["", "/pricing_json"]),
    ],
)
def test_keys_that_are_data_are_not_paths(empty, source, type, body, paths):
    sql = "SELECT path FROM log.paths ORDER BY path"
    path_rows = rows_after_update(empty, source, [Page(hours(0), [Seen(type, "1", body)])], sql)

    assert [row[0] for row in path_rows] == paths


def test_a_body_in_a_file_of_its_own_is_listed_by_its_sha256(empty):
    name = put_asset(empty, b'{"id":"a"}', UNSAFE)
    stream = open_stream(empty, "openrouter", WRITER, clock=lambda: hours(0), disk=UNSAFE)
    large = Draft(kind=ENTITY, type="model", id="a", shape="list", hash="c1:0", body_asset=name)
    append(stream, [lambda seq, at: [large, Draft(kind=PAGE)]], hours(0))
    close_stream(stream, seal_open=True)
    update(empty, definitions=LOG)

    sql = "SELECT sha256, source, type, id, seq FROM log.assets"
    assert list(run_query(empty, sql).rows) == [(name, "openrouter", "model", "a", 1)]


WAVES = {
    ("/pricing/web_search", "new", "2025-03"),
    ("/supported_parameters", "new", "2025-05"),
    ("/pricing/audio", "new", "2025-08"),
    ("/expiration_date", "new", "2026-02"),
    ("/pricing/request", "vanished", "2026-04"),
    ("/links", "new", "2026-04"),
    ("/benchmarks", "new", "2026-06"),
    ("/supported_voices", "retyped", "2026-07"),
    ("/alias_target", "new", "2026-07"),
}
"""Known changes of the schema, with the month of the first imported snapshot that shows them."""


@pytest.mark.slow
@pytest.mark.recordings
@pytest.mark.skipif(not HISTORY.is_dir(), reason="no recorded history")
def test_drift_finds_the_known_waves_of_two_years_and_few_others(tmp_path):
    (tmp_path / "log").mkdir()
    import_snapshots(tmp_path, "0000000a", list(snapshots("jvrck-openrouterlist"))[::8])
    update(tmp_path, definitions=LOG)
    sql = "SELECT path, change, strftime(changed_at, '%Y-%m') FROM log.drift"
    waves = list(run_query(tmp_path, sql).rows)

    assert set(waves) >= WAVES
    assert len(waves) < 40
