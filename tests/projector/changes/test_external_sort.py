"""External merge sort: bodies are sorted by number, whatever the limits."""

from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projector.changes import external_sort
from projector.changes.external_sort import sort_bodies
from projector.limits import LIMITS

bodies = st.dictionaries(st.integers(0, 2**40), st.none() | st.binary(max_size=40), max_size=60)


@settings(suppress_health_check=list(HealthCheck))
@given(bodies.flatmap(lambda bodies: st.permutations(list(bodies.items()))), st.integers(1, 400))
def test_bodies_are_sorted_by_number(tmp_path: Path, items: list, size: int):
    path = tmp_path / "runs"
    limits = attrs.evolve(
        LIMITS,
        max_sort_run_bytes=size,
        max_sort_block_bytes=size // 3,
        max_sort_runs=2 + size % 3,
    )

    assert list(sort_bodies(iter(items), path, limits)) == sorted(items)
    assert not path.exists()


def test_no_more_runs_are_merged_at_once_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    limits = attrs.evolve(LIMITS, max_sort_run_bytes=1, max_sort_runs=3)
    counts: list[int] = []
    merged = external_sort._merged
    monkeypatch.setattr(
        external_sort,
        "_merged",
        lambda file, runs: counts.append(len(runs)) or merged(file, runs),
    )

    numbered = ((-n, b"x") for n in range(20))
    assert len(list(sort_bodies(numbered, tmp_path / "runs", limits))) == 20
    assert counts and max(counts) <= 3


def test_the_file_is_deleted_also_if_the_sort_is_not_read_to_its_end(tmp_path: Path):
    path = tmp_path / "runs"
    items = sort_bodies([(2, b"two"), (1, None)], path, LIMITS)

    assert next(items) == (1, None)
    assert path.exists()
    items.close()
    assert not path.exists()
