"""Real history: as of the time of each recorded snapshot, the view equals that snapshot."""

import contextlib
import itertools
import os
import random
import shutil

import attrs
import orjson
import pytest

from eventlog.body.json_spans import element_spans, member_values, value_span
from eventlog.body.value_hash import value_hash
from eventlog.clock import parse_us
from projector.limits import LIMITS
from projector.query.open_views import open_views
from projector.update.check import check
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.extent import few_or_all
from tests.projector.projections import MODELS
from tests.projector.recorded import HISTORY, Snapshot, import_snapshots, snapshots

pytestmark = [
    pytest.mark.slow,
    pytest.mark.recordings,
    pytest.mark.skipif(not HISTORY.is_dir(), reason="no recorded history"),
]
IS_ALL = "HINDLOG_ALL_RECORDINGS" in os.environ
"""Whether all 1,285 snapshots are imported and compared; it takes minutes."""
SIZES = [
    (n, 1023, 262) if IS_ALL else (n, few_or_all(4, 12) * n, few_or_all(3, 8) * n)
    for n in few_or_all((3,), (1, 3))
]
PRETTY_PRINTED = parse_us("2025-08-15T09:00:55Z")


def expected(snapshot: Snapshot) -> dict[str, str]:
    """Returns the value hash of each model, by id."""
    data = member_values(snapshot.body, ("data",))["data"]
    bodies = [span.of(data) for span in element_spans(data, value_span(data))]
    return {orjson.loads(body)["id"]: value_hash(body) for body in bodies}


def portions(taken: list[Snapshot], chance: random.Random) -> list[list[Snapshot]]:
    """Returns the snapshots in random portions, each in the order of time."""
    chance.shuffle(taken)
    edges = sorted(chance.sample(range(1, len(taken)), 4))
    parts = [taken[a:b] for a, b in itertools.pairwise((0, *edges, len(taken)))]
    return [sorted(part, key=lambda snapshot: snapshot.at) for part in parts]


def history(long: int, other: int) -> list[Snapshot]:
    """Returns the last snapshots of two collectors, and a pretty-printed one."""
    first = list(snapshots("jvrck-openrouterlist"))
    pretty = [snapshot for snapshot in first[:-long] if snapshot.at == PRETTY_PRINTED]
    return [*first[-long:], *pretty, *list(snapshots("meni432-ModelGraveyard"))[-other:]]


@pytest.mark.parametrize(("writers", "long", "other"), SIZES)
def test_the_view_equals_every_snapshot_of_two_collectors_imported_in_any_order(
    tmp_path, writers, long, other
):
    limits = attrs.evolve(LIMITS, min_keyframe_rows=0)
    root, elsewhere = tmp_path / "archive", tmp_path / "elsewhere"
    for folder in (root, elsewhere):
        (folder / "log").mkdir(parents=True)
    chance = random.Random(writers)
    taken = history(long, other)
    *early, late = portions(taken, chance)
    for portion in early:
        import_snapshots(root, f"0000000{chance.randrange(writers)}", portion)
        if IS_ALL or writers == 1:
            update(root, definitions=MODELS, limits=limits)
    assert update(root, definitions=MODELS, limits=limits).failed == ()
    # Segments that another machine sealed arrive after the views were built.
    import_snapshots(elsewhere, "0000000f", late)
    shutil.copytree(elsewhere / "log", root / "log", dirs_exist_ok=True)
    update(root, definitions=MODELS, limits=limits)

    assert any("/s-" in path for path in files_of_views(root / "views"))
    with contextlib.closing(open_views(root)) as views:
        for snapshot in taken if IS_ALL else chance.sample(taken, few_or_all(6, 15)):
            rows = views.execute(
                "SELECT id, _hash, len(_errors) FROM openrouter.models_at(make_timestamptz(?))",
                [snapshot.at],
            ).fetchall()
            assert {row[0]: row[1] for row in rows} == expected(snapshot)
            assert len(rows) == len({row[0] for row in rows})
            assert not any(row[2] for row in rows)
    if writers > 2:
        assert check(root, definitions=MODELS, limits=limits) == []
