"""The feed of changes: ranges that meet without overlap, in order, over all sources."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pytest

from projector.definition import Definition, parse_definition
from projector.query.change_feed import EntityChange, entity_changes, group_fields
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import some
from tests.projector.logs import Page, Seen, hours, write_log

MODELS = some("openrouter.models")
VERSIONS = some("civitai.model_versions", "civitai.files")
ENDPOINTS = some("openrouter.endpoints", "openrouter.frontend_endpoints")
BOTH = some("openrouter.models", "civitai.tags", "civitai.model_versions", "civitai.files")


def tag(name: str, count: int) -> Seen:
    return Seen("tag", name, {"name": name, "modelCount": count, "link": f"l{count // 2}"})


@pytest.fixture(scope="module")
def two_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("two-sources")
    (root / "log").mkdir()
    models = [
        Page(
            hours(n),
            [model("a", f"A{n}", price=n, benchmarks={"x": n}), *b],
            f"r{n}",
            "/m",
            1,
            True,
        )
        for n, b in enumerate([[model("b", "B")], [], [model("b", "B")]])
    ]
    write_log(root, "openrouter", WRITER, models)
    tags = [Page(hours(n), [tag("t", n)], f"t{n}", "/tags", 1, True) for n in range(3)]
    version = Seen("modelVersion", "5", {"id": 5, "files": []}, "detail")
    write_log(root, "civitai", WRITER, [*tags, Page(hours(2), [version])])
    assert update(root, definitions=BOTH).failed == ()
    return root


def changes(
    root: Path,
    since: float,
    until: float,
    definitions: Sequence[Definition] = BOTH,
    **more: bool,
) -> list[tuple[object, ...]]:
    found = entity_changes(root, hours(since), hours(until), definitions=definitions, **more)
    return [(each.at, each.entity, each.change, each.path) for each in found]


def test_the_feed_of_a_range_is_in_order_over_all_sources(two_sources: Path) -> None:
    assert changes(two_sources, 0, 3) == [
        (hours(0), "civitai/tag/t", "appeared", None),
        (hours(0), "openrouter/model/a", "appeared", None),
        (hours(0), "openrouter/model/b", "appeared", None),
        (hours(1), "openrouter/model/a", "changed", "/name"),
        (hours(1), "openrouter/model/a", "changed", "/price"),
        (hours(1), "openrouter/model/b", "gone", None),
        (hours(2), "civitai/modelVersion/5", "appeared", None),
        (hours(2), "civitai/tag/t", "changed", "/link"),
        (hours(2), "openrouter/model/a", "changed", "/name"),
        (hours(2), "openrouter/model/a", "changed", "/price"),
        (hours(2), "openrouter/model/b", "back", None),
    ]


def test_a_change_at_the_border_of_two_ranges_belongs_to_the_later_one(two_sources: Path) -> None:
    first, second = changes(two_sources, 0, 1), changes(two_sources, 1, 2)

    assert {each[0] for each in first} == {hours(0)}
    assert {each[0] for each in second} == {hours(1)}
    assert first + second == changes(two_sources, 0, 2)


def test_telemetry_comes_only_when_asked_for(two_sources: Path) -> None:
    usual = changes(two_sources, 0, 3)
    with_telemetry = changes(two_sources, 0, 3, telemetry=True)

    assert [change for change in with_telemetry if change not in usual] == [
        (hours(1), "civitai/tag/t", "changed", "/modelCount"),
        (hours(1), "openrouter/model/a", "changed", "/benchmarks/x"),
        (hours(2), "civitai/tag/t", "changed", "/modelCount"),
        (hours(2), "openrouter/model/a", "changed", "/benchmarks/x"),
    ]


def test_a_change_has_its_kind_both_values_and_its_shape(two_sources: Path) -> None:
    found = entity_changes(two_sources, hours(1), hours(2), definitions=BOTH)
    (price,) = (each for each in found if each.path == "/price")

    assert (price.kind, price.old, price.new, price.shape) == ("replace", "0", "1", "list")


def test_each_form_of_a_type_is_in_the_feed_once_however_many_views_read_it(
    tmp_path: Path,
) -> None:
    """`endpoints` reads the API's form, `frontend_endpoints` the site's."""
    (tmp_path / "log").mkdir()
    seen = [Seen("endpoint", "u", {"id": "u"}, "frontend"), Seen("endpoint", "a#t", {"tag": "t"})]
    write_log(tmp_path, "openrouter", WRITER, [Page(hours(0), seen)])
    every = (
        *ENDPOINTS,
        parse_definition("-- a.b: a second view\n-- types: endpoint", "openrouter", "b"),
    )
    update(tmp_path, definitions=every)
    found = entity_changes(tmp_path, hours(0), hours(1), definitions=every)

    assert [(each.entity, each.change, each.shape) for each in found] == [
        ("openrouter/endpoint/a#t", "appeared", "list"),
        ("openrouter/endpoint/u", "appeared", "frontend"),
    ]


def test_entities_with_numbers_for_ids_are_in_the_order_of_their_texts(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    seen = [Seen("modelVersion", id, {"id": int(id)}, "detail") for id in ("9", "10")]
    write_log(tmp_path, "civitai", WRITER, [Page(hours(0), seen)])
    update(tmp_path, definitions=VERSIONS)

    assert [change[1] for change in changes(tmp_path, 0, 1, VERSIONS)] == [
        "civitai/modelVersion/10",
        "civitai/modelVersion/9",
    ]


def test_waves_come_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    pages = [
        Page(hours(n), [model(f"m{k:02}", "M", x=n) for k in range(12)], f"r{n}", "/m", 1, True)
        for n in range(2)
    ]
    write_log(tmp_path, "openrouter", WRITER, pages)
    update(tmp_path, definitions=MODELS)

    assert changes(tmp_path, 1, 2, MODELS) == []
    assert len(changes(tmp_path, 1, 2, MODELS, waves=True)) == 12


MINUTE_H = 1 / 60
"""A minute, in hours."""


def details(
    root: Path, names: Iterable[tuple[float, str]], listed: Iterable[tuple[float, str]]
) -> Path:
    """Writes a model's names in its detail and in its list, each at its hour, and views of it."""
    (root / "log").mkdir()
    pages = [Page(hours(at), [model("a", name)], f"l{at}", "/m", 1, True) for at, name in listed]
    pages += [
        Page(hours(at), [Seen("model", "a", {"id": "a", "name": name}, "detail")])
        for at, name in names
    ]
    write_log(root, "openrouter", WRITER, sorted(pages, key=lambda page: page.at))
    update(root, definitions=MODELS)
    return root


def test_a_change_that_two_shapes_show_is_one_change(tmp_path: Path) -> None:
    """The detail is requested a minute after the list; both are there from hour 0 on."""
    names = [(0, "A"), (1, "B"), (2, "A"), (3, "B")]
    root = details(tmp_path, [(at + MINUTE_H, name) for at, name in names], names)
    every = [
        (hours(0), "openrouter/model/a", "appeared", None),
        *((hours(n), "openrouter/model/a", "changed", "/name") for n in (1, 2, 3)),
    ]

    assert changes(root, 0, 9, MODELS) == every
    halves = [*changes(root, 0, 1 + MINUTE_H, MODELS), *changes(root, 1 + MINUTE_H, 9, MODELS)]
    assert halves == every
    found = entity_changes(root, 0, hours(9), definitions=MODELS)
    assert {each.shape for each in found} == {"list"}


def test_a_change_that_only_one_of_two_shapes_shows_is_in_the_feed(tmp_path: Path) -> None:
    """The list shows B at hour 1 only; the detail is first requested at hour 2, and shows A."""
    listed = [(0, "A"), (1, "B"), (9, "B")]
    root = details(tmp_path, [(2, "A"), (3, "B"), (4, "C")], listed)

    assert [(at, path) for at, _, _, path in changes(root, 0, 9, MODELS)] == [
        (hours(0), None),
        *((hours(n), "/name") for n in (1, 3, 4)),
    ]


@pytest.mark.slow
def test_an_entity_of_two_shapes_is_gone_and_back_once(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    a, b = model("a", "A"), model("b", "B")
    pages = [
        Page(hours(n), seen, f"l{n}", "/m", 1, True) for n, seen in enumerate([[a, b], [b], [a, b]])
    ]
    detail = Page(hours(0.5), [Seen("model", "a", {"id": "a", "name": "A"}, "detail")])
    write_log(tmp_path, "openrouter", WRITER, sorted([*pages, detail], key=lambda page: page.at))
    update(tmp_path, definitions=MODELS)
    found = changes(tmp_path, 0, 9, MODELS)

    assert [change[:3:2] for change in found if change[1][-1] == "a"] == [
        (hours(0), "appeared"),
        (hours(1), "gone"),
        (hours(2), "back"),
    ]


def test_paths_of_one_entity_at_one_instant_are_folded_into_one() -> None:
    def happening(at: int, entity: str, path: str | None, shape: str = "list") -> EntityChange:
        change = "changed" if path else "gone"
        return EntityChange(at, entity, change, path, None, None, None, shape)

    every = [
        happening(1, "a", "/x"),
        happening(1, "a", "/y"),
        happening(1, "a", "/x", "detail"),
        happening(1, "b", "/x"),
        happening(1, "b", None),
        happening(2, "b", "/z"),
    ]

    assert [(each, paths) for each, paths in group_fields(iter(every))] == [
        (every[0], ("/x", "/y")),
        (every[3], ("/x",)),
        (every[4], ()),
        (every[5], ("/z",)),
    ]
    assert list(group_fields(iter([]))) == []


def test_views_without_the_macro_of_changed_types_have_a_feed(tmp_path: Path) -> None:
    root = details(tmp_path, [(0, "A"), (1, "B")], [(0, "A"), (1, "B")])
    with duckdb.connect(str(root / "views" / "hindlog.duckdb")) as views:
        views.execute("DROP MACRO TABLE openrouter._types_changed")

    assert [each[0] for each in changes(root, 1, 9, MODELS)] == [hours(1)]


def test_a_view_of_several_types_has_changes_of_each(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    text = "-- shop.goods: goods\n-- types: book, map\n-- shapes: list*\n"
    every = (*some("openrouter.models")[:-1], parse_definition(text, "shop", "goods"))
    pages = [Page(hours(n), [Seen("map", "m", {"id": "m", "n": n})], f"r{n}") for n in range(2)]
    write_log(tmp_path, "shop", WRITER, pages)
    update(tmp_path, definitions=every)

    assert [(at, path) for at, _, _, path in changes(tmp_path, 1, 2, every)] == [(hours(1), "/n")]
