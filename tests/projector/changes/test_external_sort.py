"""Aside: bodies come back in order, whatever is held of them at a time."""

from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projector.changes import external_sort as aside
from projector.changes.external_sort import in_order
from projector.limits import LIMITS

bodies = st.dictionaries(st.integers(0, 2**40), st.none() | st.binary(max_size=40), max_size=60)


@settings(suppress_health_check=list(HealthCheck))
@given(bodies.flatmap(lambda held: st.permutations(list(held.items()))), st.integers(1, 400))
def test_what_is_put_aside_comes_back_by_its_numbers(tmp_path: Path, found: list, most: int):
    path = tmp_path / "aside"
    limits = attrs.evolve(
        LIMITS,
        max_sort_run_bytes=most,
        max_sort_block_bytes=most // 3,
        max_sort_runs=2 + most % 3,
    )

    assert list(in_order(iter(found), path, limits)) == sorted(found)
    assert not path.exists()


def test_no_more_runs_are_open_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    limits = attrs.evolve(LIMITS, max_sort_run_bytes=1, max_sort_runs=3)
    opened: list[int] = []
    merged = aside._merged
    monkeypatch.setattr(
        aside, "_merged", lambda file, runs: opened.append(len(runs)) or merged(file, runs)
    )

    numbered = ((-n, b"x") for n in range(20))
    assert len(list(in_order(numbered, tmp_path / "aside", limits))) == 20
    assert opened and max(opened) <= 3


def test_the_file_is_gone_also_where_nobody_wants_the_rest(tmp_path: Path):
    path = tmp_path / "aside"
    found = in_order([(2, b"two"), (1, None)], path, LIMITS)

    assert next(found) == (1, None)
    assert path.exists()
    found.close()
    assert not path.exists()
