"""Schema waves: the same change of many entities within one hour, and the limits around them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from projector.update.update import update
from tests.projector.few import make_archive, rows, some
from tests.projector.logs import Page, Seen, hours

COUNTS = """SELECT split_part(_shape, '?', 2), count(*) FILTER (is_wave), count(*)
FROM openrouter.models_changes_at(NULL) WHERE change = 'changed' GROUP BY ALL"""


def listed(group: str, hour: float, count: int, *bodies: dict[str, Any]) -> Page:
    """A complete listing of a group: the first entities have these bodies, the others none."""
    filled = [*bodies, *({} for _ in range(count - len(bodies)))]
    seen = [
        Seen("model", f"{group}{n}", {"n": n, **body}, f"list?{group}")
        for n, body in enumerate(filled)
    ]
    return Page(hours(hour), seen, f"{group}{hour}", f"/{group}", 1, True)


def changed(count: int, **body: object) -> list[dict[str, Any]]:
    return [dict(body) for _ in range(count)]


def groups() -> Iterator[Page]:
    for name, count, of in (("ten", 10, 20), ("third", 11, 33), ("more", 11, 32)):
        yield listed(name, 0, of)
        yield listed(name, 1, of, *changed(count, x=1))
    yield listed("hours", 0, 20)
    yield listed("hours", 1.9, 20, *changed(6, x=1))
    yield listed("hours", 2, 20, *changed(12, x=1))
    yield listed("within", 0, 20)
    yield listed("within", 1.1, 20, *changed(6, x=1))
    yield listed("within", 1.9, 20, *changed(12, x=1))
    yield listed("classes", 0, 20, *changed(6, x=None), *changed(6, x=""))
    yield listed("classes", 1, 20, *changed(12, x=1))
    yield listed("kinds", 0, 20, *changed(6, x=7))
    yield listed("kinds", 1, 20, *changed(6), *changed(6, x=1))
    yield listed("paths", 0, 20)
    yield listed("paths", 1, 20, *changed(6, x=1), *changed(6, y=1))
    yield listed("again", 0, 20, *changed(8, x=0))
    yield listed("again", 1.1, 20, *changed(8, x=1))
    yield listed("again", 1.2, 20, *changed(8, x=2))
    yield listed("absent", 0, 60)
    yield listed("absent", 0.5, 20)
    yield listed("absent", 1, 20, *changed(11, x=1))


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    happenings = sorted(groups(), key=lambda page: page.at)
    return make_archive(
        tmp_path_factory.mktemp("waves"), "openrouter", happenings, "openrouter.models"
    )


def test_a_wave_is_more_than_ten_entities_and_more_than_a_third_of_those_present(
    waves: Path,
) -> None:
    found = {group: (wave, every) for group, wave, every in rows(waves, COUNTS)}

    assert {group: found[group] for group in ("ten", "third", "more", "absent")} == {
        "ten": (0, 10),
        "third": (0, 11),
        "more": (11, 11),
        "absent": (11, 11),
    }


def test_a_wave_is_one_path_one_kind_and_one_class_of_old_value_within_one_hour(
    waves: Path,
) -> None:
    found = {group: (wave, every) for group, wave, every in rows(waves, COUNTS)}

    assert {group: found[group] for group in ("hours", "classes", "kinds", "paths", "within")} == {
        "hours": (0, 12),
        "classes": (0, 12),
        "kinds": (0, 12),
        "paths": (0, 12),
        "within": (12, 12),
    }


def test_an_entity_that_changes_twice_counts_once_towards_a_wave(waves: Path) -> None:
    found = {group: (wave, every) for group, wave, every in rows(waves, COUNTS)}

    assert found["again"] == (0, 16)


def test_the_view_leaves_waves_out_and_its_macro_does_not(waves: Path) -> None:
    sql = "SELECT count(*) FROM openrouter.models_changes WHERE change = 'changed'"
    every = "SELECT sum(1) FILTER (NOT is_wave) FROM openrouter.models_changes_at(NULL)"

    assert rows(waves, sql) == rows(waves, f"{every} WHERE change = 'changed'")


def test_a_pair_in_two_files_of_differences_is_one_change(tmp_path: Path) -> None:
    """The record of what was compared may name both."""
    pages = [listed("few", n, 2, {"x": n, "y": n}) for n in range(3)]
    root = make_archive(tmp_path, "openrouter", pages, "openrouter.models")
    sql = "FROM openrouter.models_changes ORDER BY ALL"
    before = rows(root, sql)
    (file,) = (root / "views").rglob("d-*.parquet")
    copied = shutil.copy(file, file.with_name("d-0123456789abcdef.parquet"))
    record = file.with_name("compared.json")
    members = orjson.loads(record.read_bytes())
    record.write_bytes(orjson.dumps({**members, "files": [file.name, copied.name]}))

    assert update(root, definitions=some("openrouter.models")).swapped
    assert len(before) == 6
    assert rows(root, sql) == before
