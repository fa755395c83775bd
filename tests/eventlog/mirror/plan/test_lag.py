"""How far the mirror is behind, without a request."""

from pathlib import Path

from eventlog.format.paths import sealed_path
from eventlog.mirror.plan.lag import mirror_lag
from tests.eventlog.making import OTHER, SOURCE, START
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def test_what_is_sealed_and_not_committed_counts(tmp_path: Path) -> None:
    sizes = [sealed_path(tmp_path, add_hour(tmp_path, hour)).stat().st_size for hour in range(2)]
    store = new_store()

    lag = mirror_lag(tmp_path, store.address)
    assert (lag.segments, lag.size, lag.oldest_us, lag.pushed_at) == (2, sum(sizes), START, None)
    pushed(tmp_path, store)
    lag = mirror_lag(tmp_path, store.address)
    assert (lag.segments, lag.size, lag.oldest_us) == (0, 0, None) and lag.pushed_at
    assert mirror_lag(tmp_path, "memory://another").segments == 2
    sealed_path(tmp_path, add_hour(tmp_path, 2, OTHER)).unlink()
    assert [x.key for x in mirror_lag(tmp_path, store.address).stopped] == [(SOURCE, OTHER)]
