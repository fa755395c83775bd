"""The change feed over recorded history, compared with an independent difference."""

import random
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from projector.query.select import run_query
from projector.update.update import update
from tests.extent import few_or_all
from tests.projector.projections import MODELS
from tests.projector.recorded import HISTORY, Snapshot, import_snapshots, snapshots

pytestmark = [
    pytest.mark.slow,
    pytest.mark.recordings,
    pytest.mark.skipif(not HISTORY.is_dir(), reason="no recorded history"),
]
PAIRS = few_or_all(10, 40)
SETS = {"supported_parameters", "input_modalities", "output_modalities"}
FEED = """SELECT epoch_us(changed_at), id, change, path, kind, old, new
FROM openrouter.models_changes_at(now())"""
Step = tuple[str, str, str | None]


def members(snapshot: Snapshot) -> dict[str, Any]:
    return {model["id"]: model for model in orjson.loads(snapshot.body)["data"]}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the path and value of everything but non-empty objects; lists of `SETS` as sets."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, f"{path}/{key}")
    elif path.rpartition("/")[2] in SETS and isinstance(value, list):
        yield path, frozenset(value)
    else:
        yield path, value


def steps(before: dict[str, Any], after: dict[str, Any]) -> set[Step]:
    """Returns (id, change, member of the body that differs) between two responses."""
    found_steps: set[Step] = {(id, "here", None) for id in after.keys() - before.keys()}
    found_steps |= {(id, "gone", None) for id in before.keys() - after.keys()}
    for id in before.keys() & after.keys():
        old, new = dict(leaves(before[id])), dict(leaves(after[id]))
        paths = {path for path in old.keys() | new.keys() if (path in old) != (path in new)}
        paths |= {path for path in old.keys() & new.keys() if old[path] != new[path]}
        found_steps |= {(id, "changed", path.split("/")[1]) for path in paths}
    return found_steps


def replaced(before: dict[str, Any], after: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    """Returns (id, path, old, new) of changed values that are neither lists nor objects."""
    pairs = set()
    for id in before.keys() & after.keys():
        old, new = dict(leaves(before[id])), dict(leaves(after[id]))
        for path in old.keys() & new.keys():
            pair = (old[path], new[path])
            if pair[0] != pair[1] and not any(isinstance(x, list | dict | frozenset) for x in pair):
                pairs.add(
                    (id, path, orjson.dumps(pair[0]).decode(), orjson.dumps(pair[1]).decode())
                )
    return pairs


def test_the_feed_is_what_differs_between_neighbouring_snapshots(tmp_path):
    (tmp_path / "log").mkdir()
    taken = list(snapshots("jvrck-openrouterlist"))[:: few_or_all(64, 8)]
    import_snapshots(tmp_path, "0000000a", taken)
    assert update(tmp_path, definitions=MODELS).failed == ()
    changes_by_instant: dict[int, list[tuple[Any, ...]]] = {}
    for at, *row in run_query(tmp_path, FEED).rows:
        changes_by_instant.setdefault(at, []).append(tuple(row))

    sampled = random.Random(3).sample(range(1, len(taken)), PAIRS)
    for n in sampled:
        before, after = members(taken[n - 1]), members(taken[n])
        rows = changes_by_instant.get(taken[n].at, [])
        words = {"appeared": "here", "back": "here", "gone": "gone", "changed": "changed"}
        assert {
            (id, words[change], path.split("/")[1] if path else None)
            for id, change, path, *_ in rows
            if change != "changed" or id in before
        } == steps(before, after)
        scalars = {
            (id, path, old, new)
            for id, change, path, kind, old, new in rows
            if kind == "replace"
            and id in before
            and old[0] not in "[{"
            and new[0] not in "[{"
            and not re.search(r"/\d+(/|$)", path)  # inside a list
        }
        assert replaced(before, after) == scalars
