"""Real history as the judge: as of each snapshot's time the view is that snapshot."""

import contextlib
import random

import orjson
import pytest

from eventlog.clock import parse_us
from eventlog.normalize import value_hash
from eventlog.scan import elements, values, whole
from projector.archive import open_views
from projector.checks import check
from projector.update import update
from tests.projector.recorded import HISTORY, Snapshot, import_snapshots, snapshots

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not HISTORY.is_dir(), reason="recorded history is not at hand"),
]
PRETTY_PRINTED = parse_us("2025-08-15T09:00:55Z")


def expected(snapshot: Snapshot) -> dict[str, str]:
    """Value hash per model id."""
    data = values(snapshot.body, ("data",))["data"]
    bodies = [span.of(data) for span in elements(data, whole(data))]
    return {orjson.loads(body)["id"]: value_hash(body) for body in bodies}


def test_every_snapshot_of_two_collectors_in_one_archive_in_any_order(tmp_path):
    (tmp_path / "log").mkdir()
    long = list(snapshots("jvrck-openrouterlist"))[-300:]
    pretty = [each for each in snapshots("jvrck-openrouterlist") if each.at == PRETTY_PRINTED]
    other = list(snapshots("meni432-ModelGraveyard"))[-100:]
    chance = random.Random(7)
    chance.shuffle(long)
    for taken in (long[:90], long[90:200]):
        import_snapshots(tmp_path, "0000000a", sorted(taken, key=lambda each: each.at))
        assert update(tmp_path).failed == ()
    import_snapshots(tmp_path, "0000000b", other)
    import_snapshots(tmp_path, "0000000a", pretty + sorted(long[200:], key=lambda each: each.at))
    update(tmp_path)

    with contextlib.closing(open_views(tmp_path)) as shown:
        for snapshot in (*long, *other, *pretty):
            rows = shown.execute(
                "SELECT id, _hash, len(_errors) FROM openrouter.models_at(make_timestamptz(?))",
                [snapshot.at],
            ).fetchall()
            assert {row[0]: row[1] for row in rows} == expected(snapshot)
            assert len(rows) == len({row[0] for row in rows})
            assert not any(row[2] for row in rows)
    assert check(tmp_path) == []
