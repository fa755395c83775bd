"""Keyframes: the same answers from fewer files, and nothing lost with them."""

import shutil

import pytest

from projector import keyframes
from projector.checks import check
from projector.sql import query
from projector.update import update
from projector.views_file import named_by
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Gone, Page, hours, write_log

ALL = "SELECT * FROM openrouter.models_all ORDER BY ALL"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(keyframes, "LEAST_ROWS", 0)


@pytest.fixture
def grown(empty):
    """Six hours, an update each; `c` is away from the third on."""
    for n in range(6):
        listed = [model("a", "A"), model("b", f"B{n}"), *([model("c", "C")] if n < 3 else [])]
        write_log(
            empty, "openrouter", WRITER, [Page(hours(n), listed, f"r{n}", "/models", 1, True)]
        )
        update(empty)
    return empty


def found(root, kind="s"):
    return sorted((root / "views").rglob(f"{kind}-2*.parquet"))


def answers(root):
    return [list(query(root, ALL, as_of=hours(n + 0.6)).rows) for n in range(9)]


def without(root, monkeypatch):
    """The answers of the same log without keyframes."""
    shutil.rmtree(root / "views")
    monkeypatch.setattr(keyframes, "LEAST_ROWS", 10**9)
    update(root)
    assert found(root) == []
    return answers(root)


def test_keyframes_come_as_the_log_grows_and_change_no_answer(grown, monkeypatch):
    assert len(found(grown)) == len(found(grown, "p")) > 1
    assert found(grown, "k")
    told = answers(grown)

    assert told == without(grown, monkeypatch)


def test_an_update_with_nothing_new_builds_no_keyframe(grown):
    before = {path: path.stat().st_mtime_ns for path in found(grown)}
    update(grown)

    assert {path: path.stat().st_mtime_ns for path in found(grown)} == before


def test_a_keyframe_without_its_pages_is_none(grown, monkeypatch):
    told = answers(grown)
    last = found(grown, "p")[-1]
    last.unlink()
    update(grown)

    assert last.exists(), "it is made again"
    assert answers(grown) == told
    found(grown, "k")[-1].unlink()
    update(grown)
    assert answers(grown) == told


def test_late_segments_reach_behind_keyframes(grown, monkeypatch):
    late = [
        Page(hours(0.5), [model("d", "ghost"), model("a", "late")], "l", "/models", 1, False),
        Gone(hours(0.7), "model", "a"),
        Page(hours(1.2), [], "l", "/models", 2, True),
    ]
    write_log(grown, "openrouter", "0000000b", late)
    update(grown)
    told = answers(grown)
    rows = query(grown, "SELECT id FROM openrouter.models ORDER BY id").rows

    assert list(rows) == [("a",), ("b",)]
    assert check(grown) == []
    assert told == without(grown, monkeypatch)


def test_a_body_named_again_long_after_is_found(empty, monkeypatch):
    first = Page(hours(0), [model("a", "first")], "r", "/models", 1, True)
    write_log(empty, "openrouter", WRITER, [first])
    other = Page(hours(1), [model("a", "other")], "o", "/models", 1, True)
    write_log(empty, "openrouter", "0000000b", [other])
    update(empty)
    for n in range(2, 5):
        write_log(
            empty,
            "openrouter",
            "0000000b",
            [Page(hours(n), [model("a", f"other{n}")], f"o{n}", "/models", 1, True)],
        )
        update(empty)
    named = [path for path in named_by(empty / "views") if "/k-" in path]

    assert named
    assert answers(empty) == without(empty, monkeypatch)


def test_keyframes_deleted_by_hand_come_back(grown):
    told = answers(grown)
    for path in (*found(grown), *found(grown, "p"), *found(grown, "k")):
        path.unlink()
    update(grown)

    assert found(grown)
    assert answers(grown) == told
