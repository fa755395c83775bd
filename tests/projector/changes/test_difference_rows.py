"""Stored differences: exact values, one row per field, each pair once."""

from pathlib import Path
from typing import Any

import attrs

from eventlog.body.value_hash import value_hash
from eventlog.format.event import ENTITY, PAGE, Draft
from projector.changes.differences import list_diffs
from projector.limits import LIMITS
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import make_archive, rows, some, write_drafts
from tests.projector.logs import Page, hours, write_log

VIEWS = ("openrouter.models",)
CHANGED = """SELECT path, kind, old, new FROM openrouter.models_changes_at(NULL)
WHERE change = 'changed' ORDER BY changed_at, path, kind, new"""


def changes_between(root: Path, *bodies: bytes) -> list[tuple[Any, ...]]:
    """Returns the changes between consecutive versions with exactly these bodies."""
    batches = []
    for n, body in enumerate(bodies):
        roster = {"/x": [("model", "a", 2 * n + 1)]}
        entity = Draft(
            kind=ENTITY, type="model", id="a", shape="list", hash=value_hash(body), body=body
        )
        page = Draft(kind=PAGE, members={"roster": roster, "shapes": {"/x": "list"}})
        batches.append((hours(n), [entity, page]))
    write_drafts(root, "openrouter", batches)
    assert update(root, definitions=some(*VIEWS)).failed == ()
    return rows(root, CHANGED)


def test_integers_beyond_64_bits_are_compared_and_stored_in_full(tmp_path: Path) -> None:
    first, second = b"99999999999999999999999999", b"99999999999999999999999998"
    found = changes_between(tmp_path, b'{"n":%b}' % first, b'{"n":%b}' % second)

    assert found == [("/n", "replace", first.decode(), second.decode())]


def test_values_are_stored_as_json(tmp_path: Path) -> None:
    old = '{"a":"1","b":null,"c":{"x":[1,"é"]},"d":1.50,"e":true,"f":""}'
    new = '{"a":1,"b":[],"d":"x","e":false,"f":null,"g":null}'

    assert changes_between(tmp_path, old.encode(), new.encode()) == [
        ("/a", "replace", '"1"', "1"),
        ("/b", "replace", "null", "[]"),
        ("/c", "remove", '{"x":[1,"é"]}', None),
        ("/d", "replace", "1.5", '"x"'),
        ("/e", "replace", "true", "false"),
        ("/f", "replace", '""', "null"),
        ("/g", "add", None, "null"),
    ]


def test_another_spelling_of_a_number_is_a_version_and_no_change(tmp_path: Path) -> None:
    found = changes_between(tmp_path, b'{"n":97}', b'{"n":97.0}', b'{"n":98}')

    assert found == [("/n", "replace", "97.0", "98")]
    assert rows(tmp_path, "SELECT count(*) FROM openrouter.models_versions") == [(3,)]


def test_a_change_back_is_a_change_of_its_own(tmp_path: Path) -> None:
    found = changes_between(tmp_path, b'{"n":1}', b'{"n":2}', b'{"n":1}', b'{"n":2}')

    assert [row[2:] for row in found] == [("1", "2"), ("2", "1"), ("1", "2")]


def test_a_change_names_both_of_its_events(tmp_path: Path) -> None:
    changes_between(tmp_path, b'{"n":1}', b'{"n":2}')
    columns = """change, _shape, _before_hash, _before_writer, _before_seq, _hash, _writer, _seq"""
    first, second = value_hash(b'{"n":1}'), value_hash(b'{"n":2}')
    sql = f"SELECT {columns} FROM openrouter.models_changes_at(NULL) ORDER BY changed_at"

    assert rows(tmp_path, sql) == [
        ("appeared", "list", None, None, None, first, WRITER, 1),
        ("changed", "list", first, WRITER, 1, second, WRITER, 3),
    ]


def test_a_change_of_presence_names_the_events_before_and_after(tmp_path: Path) -> None:
    pages = [
        Page(hours(n), [model("z", "Z"), *more], f"r{n}", "/m", 1, True)
        for n, more in enumerate([[model("a", "1")], [], [model("a", "2")]])
    ]
    root = make_archive(tmp_path, "openrouter", pages, *VIEWS)
    columns = "change, path, epoch_us(changed_at), _before_seq, _seq"
    sql = f"SELECT {columns} FROM openrouter.models_changes WHERE id = 'a' ORDER BY 3, 1"

    assert rows(root, sql) == [
        ("appeared", None, hours(0), None, 2),
        ("gone", None, hours(1), 2, None),
        ("back", None, hours(2), 2, 5),
        ("changed", "/name", hours(2), 2, 5),
    ]


def test_many_small_files_of_differences_are_merged_without_a_change_of_rows(
    tmp_path: Path,
) -> None:
    limits = attrs.evolve(LIMITS, max_difference_bytes=1)
    count = LIMITS.max_difference_files + 2
    pages = [Page(hours(n), [model("a", str(n))], f"r{n}", "/m", 1, True) for n in range(count)]
    (tmp_path / "log").mkdir()
    write_log(tmp_path, "openrouter", WRITER, pages[:-1])
    update(tmp_path, definitions=some(*VIEWS), limits=limits)
    (folder,) = (tmp_path / "views" / "parts" / "openrouter" / "log.diffs").iterdir()
    before = len(list_diffs(folder))
    write_log(tmp_path, "openrouter", WRITER, pages[-1:])
    update(tmp_path, definitions=some(*VIEWS), limits=limits)
    update(tmp_path, definitions=some(*VIEWS), limits=limits)

    assert before == LIMITS.max_difference_files
    assert [path.name[:2] for path in list_diffs(folder)] == ["m-"]
    assert [row[3] for row in rows(tmp_path, CHANGED)] == [f'"{n}"' for n in range(1, count)]
