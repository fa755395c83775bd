"""The record of the last update: whatever changed since, the next update notices it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import msgspec
import pytest
from hypothesis import given, settings

from eventlog.catalog.storage import load, parse_catalog, save
from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path
from projector import digests
from projector.digests import digest_rules
from projector.limits import LIMITS
from projector.parts.plan import list_source
from projector.update.last_update import (
    LastUpdate,
    LogState,
    is_up_to_date,
    open_segments,
    read_log_state,
    record_path,
    record_update,
    same_segments,
    sealed_names,
)
from projector.update.update import update
from tests.eventlog.catalog.changing_log import SOURCES, ChangingLog, Step
from tests.eventlog.catalog.log_steps import steps
from tests.eventlog.making import MTIMES, settle
from tests.extent import few_or_all
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows, some
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS

RULES = digest_rules(MODELS)
FEW = some("openrouter.models")
OTHER = "feedbee5"


def page(hour: float) -> list[Page]:
    return [Page(hours(hour), [model("c", "C")], "r9", "/models", 1, True)]


def add_late_segment(root: Path) -> None:
    write_log(root, "openrouter", OTHER, page(1))
    settle(root)  # as programs do that copy folders with their times of modification


def remove_segment(root: Path) -> None:
    next((root / "log").rglob("*.manifest.json")).unlink()
    next((root / "log").rglob("*.zst")).unlink()


def remove_day(root: Path) -> None:
    shutil.rmtree(root / "log" / "openrouter")


def remove_part(root: Path) -> None:
    next((root / "views").rglob("openrouter.models/*/2*.parquet")).unlink()


def cut_part(root: Path) -> None:
    path = next((root / "views").rglob("openrouter.models/*/2*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])


def replace_part(root: Path) -> None:
    path = next((root / "views").rglob("openrouter.models/*/2*.parquet"))
    stamp, data = path.stat(), path.read_bytes()
    path.unlink()
    path.write_bytes(bytes(len(data)))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def remove_differences(root: Path) -> None:
    next((root / "views").rglob("log.diffs/*/compared.json")).unlink()


def remove_views_file(root: Path) -> None:
    (root / "views" / "hindlog.duckdb").unlink()


def remove_script(root: Path) -> None:
    (root / "views" / "hindlog.sql").unlink()


def name_other_parts(root: Path) -> None:
    (root / "views" / "current").write_text("parts-7\n")


CHANGES = (
    *(add_late_segment, remove_segment, remove_day, remove_part, cut_part, replace_part),
    *(remove_differences, remove_views_file, remove_script, name_other_parts),
)


@pytest.fixture
def recorded(archive: Path) -> Path:
    """An archive in a new place, with the record of an update of its models."""
    settle(archive)
    record(archive)
    return archive


def record(root: Path, is_complete: bool = True) -> None:
    """Records that the views are as an update would leave them."""
    record_update(
        root, RULES, ["openrouter.models"], is_complete, read_log_state(root, times=MTIMES)
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_log_or_of_the_views_is_noticed(
    recorded: Path, change: Callable[[Path], None]
) -> None:
    assert is_up_to_date(recorded, ["openrouter.models"], RULES)
    change(recorded)

    assert not is_up_to_date(recorded, ["openrouter.models"], RULES)


def test_an_open_segment_that_grows_is_noticed(recorded: Path) -> None:
    for second, hour in ((2, 3), (3, 3.1)):
        write_log(recorded, "openrouter", WRITER, page(hour), seal=False)
        settle(recorded, second)
        assert not is_up_to_date(recorded, None, RULES)
        record(recorded)

        assert is_up_to_date(recorded, None, RULES)


def test_other_definitions_limits_and_code_are_noticed(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = attrs.evolve(LIMITS, max_newest_parts=3)
    others = [attrs.evolve(MODELS[0], select="SELECT 1"), *MODELS[1:]]
    assert not is_up_to_date(recorded, None, digest_rules(MODELS, limits))
    assert not is_up_to_date(recorded, None, digest_rules(tuple(others)))
    assert not is_up_to_date(recorded)
    monkeypatch.setattr(digests, "_digest_code", lambda: b"other")

    assert not is_up_to_date(recorded, None, digest_rules(MODELS))


def test_views_that_were_not_built_are_noticed(archive: Path) -> None:
    record(archive, is_complete=False)

    assert is_up_to_date(archive, ["openrouter.models"], RULES)
    assert not is_up_to_date(archive, ["openrouter.models", "openrouter.providers"], RULES)
    assert not is_up_to_date(archive, None, RULES)


def test_an_update_records_what_it_built(archive: Path) -> None:
    update(archive, ["openrouter.models"], definitions=FEW)
    last = load(record_path(archive), LastUpdate)

    assert last is not None
    assert (last.views, last.is_complete) == (tuple(each.name for each in FEW), True)
    assert is_up_to_date(archive, None, digest_rules(FEW))


def test_an_update_that_left_something_out_is_not_recorded(archive: Path) -> None:
    broken = (*FEW, attrs.evolve(FEW[-1], view="broken", select="SELEC", hash="0" * 12))
    assert update(archive, definitions=broken).failed

    assert not record_path(archive).exists() or not is_up_to_date(archive)
    assert not is_up_to_date(archive, None, digest_rules(broken))


def test_a_record_that_is_damaged_or_of_another_archive_is_ignored(
    recorded: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = record_path(recorded)
    data = path.read_bytes()
    other = tmp_path_factory.mktemp("other") / "archive"
    shutil.copytree(recorded, other)
    assert not is_up_to_date(other, None, RULES)
    for damaged in (data[:-1], data[:40] + bytes([data[40] ^ 1]) + data[41:], b""):
        path.write_bytes(damaged)
        assert not is_up_to_date(recorded, None, RULES)
    last = parse_catalog(data, LastUpdate)
    for changed in ({"root": str(other)}, {"rules": b""}, {"files": b""}):
        save(path, msgspec.structs.replace(last, **changed))
        assert not is_up_to_date(recorded, None, RULES)
    path.write_bytes(data)

    assert is_up_to_date(recorded, None, RULES)


def test_a_stale_record_does_not_hide_later_segments(archive: Path) -> None:
    update(archive, definitions=FEW)
    stale = record_path(archive).read_bytes()
    write_log(archive, "openrouter", WRITER, page(3))
    update(archive, definitions=FEW)
    record_path(archive).write_bytes(stale)
    update(archive, definitions=FEW)

    assert rows(archive, MODEL_NAMES) == [("c", "C")]
    assert rows(archive, "SELECT count(DISTINCT segment) FROM log.events") == [(4,)]


def test_timestamps_are_recorded_as_soon_as_they_are_old(archive: Path) -> None:
    def recorded_stamps() -> list[bool]:
        last = load(record_path(archive), LastUpdate)
        assert last is not None
        return [state.stamp is not None for state in last.log.days.values()]

    os.utime(next((archive / "log").glob("*/*-*-*")))
    record(archive)
    assert recorded_stamps() == [False]
    settle(archive)

    assert is_up_to_date(archive, None, RULES, MTIMES)
    assert recorded_stamps() == [True]


def test_days_whose_timestamps_are_recorded_are_not_read(recorded: Path) -> None:
    last = load(record_path(recorded), LastUpdate)
    assert last is not None
    (day,) = last.log.days
    shutil.rmtree(recorded / "state" / "catalog")
    is_up_to_date(recorded, None, RULES, MTIMES)

    assert not (recorded / "state" / "catalog" / f"{day}.msgpack").exists()


def listed_state(root: Path) -> tuple[list[str], list[str]]:
    """Returns the names of the sealed and of the open segments by a full listing."""
    files = list_segments(root)
    return (
        [str(file.name) for file in files if file.is_sealed],
        [str(file.name) for file in files if file.is_open and not file.is_sealed],
    )


@given(steps)
@settings(max_examples=few_or_all(15, 300), deadline=None)
def test_two_states_of_the_log_are_the_same_if_full_listings_are(actions: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        log = ChangingLog(Path(folder))
        states: list[tuple[LogState, tuple[list[str], list[str]]]] = [(LogState({}, {}), ([], []))]
        for number, action in enumerate(actions):
            log.apply(action)
            known, listed_before = states[action[1] % len(states)]
            state, listed = read_log_state(log.root, known, log.times), listed_state(log.root)

            assert sorted(state.durable) == sorted(listed[1])
            for source in SOURCES:
                listing = list_source(log.root, source, log.times)
                assert sealed_names(state, source) == listing.sealed_names
                assert open_segments(state, source) == listing.open
            if listed != listed_before:
                assert not same_segments(state, known), (number, action)
            assert same_segments(state, read_log_state(log.root, times=log.times))
            states.append((state, listed))


def test_a_damaged_manifest_is_looked_at_again(recorded: Path) -> None:
    name = list_segments(recorded)[0].name
    path = manifest_path(recorded, name)
    path.write_bytes(b"{}")
    settle(recorded)
    state = read_log_state(recorded)

    assert [day.stamp for day in state.days.values()] == [None]


def test_a_record_that_cannot_be_written_changes_nothing(archive: Path) -> None:
    record_path(archive).unlink(missing_ok=True)
    record_path(archive).mkdir()
    record(archive)

    assert not is_up_to_date(archive, None, RULES)
