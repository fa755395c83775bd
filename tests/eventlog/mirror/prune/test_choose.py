"""What may be freed: sealed files that are old, committed and not in doubt."""

from pathlib import Path

import msgspec

from eventlog.clock import HOUR
from eventlog.format.paths import sealed_path
from eventlog.mirror.local.ledger import load_ledger
from eventlog.mirror.prune.choose import PruneChoice, PrunePlan, choose_files
from eventlog.write.writer import append, close_stream
from tests.eventlog.making import OTHER, SOURCE, START, WRITER, ManualClock, entity, opened
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def test_old_committed_files_are_chosen_the_oldest_first(tmp_path: Path) -> None:
    names = [add_hour(tmp_path, 0), add_hour(tmp_path, 1, OTHER), add_hour(tmp_path, 2)]
    pushed(tmp_path, new_store())
    later = add_hour(tmp_path, 1, "0badcafe")
    stream = opened(tmp_path, ManualClock(START), writer="0badcaff")
    append(stream, [lambda _seq, _at: [entity(1)]], observed_at=START)
    ledger = load_ledger(tmp_path)
    assert ledger is not None

    def chosen(hour: int) -> PrunePlan:
        return choose_files(tmp_path, ledger, START + hour * HOUR)

    def expected(*indexes: int) -> tuple[PruneChoice, ...]:
        sealed = [names[index] for index in indexes]
        return tuple(
            PruneChoice(name, sealed_path(tmp_path, name).stat().st_size) for name in sealed
        )

    assert chosen(0) == PrunePlan((), 0)
    assert chosen(1) == PrunePlan(expected(0), 0)
    assert chosen(9) == PrunePlan(expected(0, 1, 2), 1) and later not in names
    close_stream(stream)
    sealed_path(tmp_path, names[0]).unlink()
    assert chosen(9) == PrunePlan(expected(1, 2), 1)
    forked = msgspec.structs.replace(ledger, forked={f"{SOURCE}/{WRITER}": "two folders"})
    assert choose_files(tmp_path, forked, START + 9 * HOUR) == PrunePlan(expected(1), 2)
