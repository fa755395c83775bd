"""Aside: bodies come back in order, whatever is held of them at a time."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projector.changes import external_sort as aside
from projector.changes.external_sort import in_order

bodies = st.dictionaries(st.integers(0, 2**40), st.none() | st.binary(max_size=40), max_size=60)


@settings(suppress_health_check=list(HealthCheck))
@given(bodies.flatmap(lambda held: st.permutations(list(held.items()))), st.integers(1, 400))
def test_what_is_put_aside_comes_back_by_its_numbers(tmp_path: Path, found: list, most: int):
    path = tmp_path / "aside"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aside, "MOST_BYTES", most)
        patch.setattr(aside, "BLOCK_BYTES", most // 3)
        patch.setattr(aside, "MOST_RUNS", 2 + most % 3)

        assert list(in_order(iter(found), path)) == sorted(found)
    assert not path.exists()


def test_no_more_runs_are_open_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aside, "MOST_BYTES", 1)
    monkeypatch.setattr(aside, "MOST_RUNS", 3)
    opened: list[int] = []
    merged = aside._merged
    monkeypatch.setattr(
        aside, "_merged", lambda file, runs: opened.append(len(runs)) or merged(file, runs)
    )

    assert len(list(in_order(((-n, b"x") for n in range(20)), tmp_path / "aside"))) == 20
    assert opened and max(opened) <= 3


def test_the_file_is_gone_also_where_nobody_wants_the_rest(tmp_path: Path):
    path = tmp_path / "aside"
    found = in_order([(2, b"two"), (1, None)], path)

    assert next(found) == (1, None)
    assert path.exists()
    found.close()
    assert not path.exists()
