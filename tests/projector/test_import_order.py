"""Importing the same recordings in any order gives the same rows, at every instant."""

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR, epoch_of, format_us, parse_us
from fetcher.sources import SOURCES
from projector.query.open_views import open_views
from projector.update.update import update
from tests.fetcher.importing import import_paths, models_list, write_files
from tests.fetcher.making import WRITER, SteppingClock
from tests.projector.few import some
from tests.projector.reference_model import first_of_run
from tests.projector.small_limits import SMALL

MODELS = some("openrouter.models")
BEGIN = parse_us("2025-01-01T00:00:00Z")
LIMITS = attrs.evolve(SMALL, min_keyframe_rows=0, max_start_sightings=3)
"""Limits with which keyframes and row caches are built."""
Recording = Mapping[str, int]
"""Price of each model on a list; the list at place n was recorded n hours after `BEGIN`."""


def import_in_order(
    root: Path, recordings: Sequence[Recording], order: Sequence[int], *, in_steps: bool
) -> None:
    """Imports each recording by itself, and updates the views: `in_steps` after each of them."""
    (root / "log").mkdir(parents=True)
    for n in order:
        name = f"{format_us(BEGIN + n * HOUR)[:13]}0000Z.json"
        files = write_files(root / "in", {name: models_list(*recordings[n].items())})
        clock = SteppingClock()
        import_paths(root, SOURCES["openrouter"], files, writer=WRITER, now=clock)
        if in_steps or n == order[-1]:
            assert update(root, definitions=MODELS, limits=LIMITS).failed == ()


def rows_at(root: Path, hours: int) -> dict[str, list[tuple[Any, ...]]]:
    """Returns the rows of each view as of every hour, without what names the stored body."""
    columns = {
        "models": "* EXCLUDE (_run, _segment, _seq)",
        "models_all": "* EXCLUDE (_run, _segment, _seq)",
        "models_versions": "* EXCLUDE (_run, _segment, _seq)",
        "models_changes": "* EXCLUDE (_before_seq, _seq)",
    }
    rows = {}
    with contextlib.closing(open_views(root)) as views:
        for view, selected in columns.items():
            for hour in range(hours):
                sql = f"SELECT {selected} FROM openrouter.{view}_at(?) ORDER BY ALL"
                rows[f"{view} {hour}"] = views.execute(
                    sql, [format_us(BEGIN + hour * HOUR)]
                ).fetchall()
    return rows


def seen_since(root: Path, hour: int) -> dict[str, tuple[int, str]]:
    """Returns the instant and the epoch of each model as of an hour."""
    with contextlib.closing(open_views(root)) as views:
        models = views.execute(
            "SELECT id, epoch_us(_observed_at), _epoch FROM openrouter.models_all_at(?)",
            [format_us(BEGIN + hour * HOUR)],
        ).fetchall()
    return {id: (since, epoch) for id, since, epoch in models}


def expected_since(recordings: Sequence[Recording], hour: int) -> dict[str, tuple[int, str]]:
    """Returns the same from the recordings alone."""
    known = [(BEGIN + n * HOUR, prices) for n, prices in enumerate(recordings[: hour + 1])]
    since = {
        id: first_of_run({at: str(prices[id]) for at, prices in known if id in prices})
        for id in {id for _, prices in known for id in prices}
    }
    return {id: (at, epoch_of(at)) for id, at in since.items()}


def test_a_value_was_observed_when_it_was_first_seen_whatever_was_imported_first(
    tmp_path: Path,
) -> None:
    recordings = [
        {"a/same": 1, "a/back": 1},
        {"a/same": 1, "a/back": 2},
        {"a/same": 1, "a/back": 1},
    ]

    import_in_order(tmp_path, recordings, (2, 0, 1), in_steps=False)

    for hour in range(3):
        assert seen_since(tmp_path, hour) == expected_since(recordings, hour)


recordings = st.lists(
    st.dictionaries(st.sampled_from(["a/x", "a/y", "a/z"]), st.integers(0, 1), min_size=1),
    min_size=2,
    max_size=6,
)


@pytest.mark.slow
@given(recordings, st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_imports_gives_the_same_rows(
    recordings: list[Recording], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(recordings))))
    with tempfile.TemporaryDirectory() as folder:
        in_time, in_any = Path(folder) / "in-time", Path(folder) / "in-any"
        import_in_order(in_time, recordings, range(len(recordings)), in_steps=False)
        import_in_order(in_any, recordings, order, in_steps=True)

        assert rows_at(in_any, len(recordings)) == rows_at(in_time, len(recordings))
        for hour in range(len(recordings)):
            assert seen_since(in_any, hour) == expected_since(recordings, hour)
