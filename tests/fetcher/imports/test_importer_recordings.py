"""Imported recordings become events at their own time, in any order and any portions."""

import gzip
import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
import zstandard

from eventlog.clock import HOUR, format_us
from eventlog.files.listing import list_segments
from eventlog.format.event import ANOMALY, ENTITY, PAGE, RUN, Line, exact_body
from eventlog.format.manifest import digest
from eventlog.read.reader import read_stream
from eventlog.write.writer import open_stream
from tests.fetcher.importing import import_into, models_list, write_files, write_pack
from tests.fetcher.making import OTHER, START, WRITER, SteppingClock, lines, recordings, responses


def snapshots(count: int, chance: random.Random) -> dict[str, bytes]:
    """Hourly lists in which models appear and disappear and prices change, by file name."""
    files = {}
    for number in range(count):
        at = format_us(START + number * HOUR).replace("-", "").replace(":", "")[:15] + "Z"
        models = [(f"a/{n}", chance.randrange(3)) for n in range(6) if chance.random() < 0.8]
        files[f"{at}.json"] = models_list(("a/base", 1), *models)
    return files


def sightings(root: Path, writers: Iterable[str] = (WRITER,)) -> set[tuple[str, str, bytes]]:
    """Time, model and exact bytes of every sighting."""
    result = set()
    for writer in writers:
        events = lines(root, "openrouter", writer)
        bodies = {line.seq: exact_body(line) for line in events if line.kind == ENTITY}
        for page in (line for line in events if line.kind == PAGE):
            for _, name, seq in page.roster.get("/data", []):
                result.add((page.observed_at, name, bodies[seq] or b""))
    return result


def test_a_snapshot_becomes_events_at_its_own_time(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"20250815T090055Z.json": models_list(("a/b", 1))})

    report = import_into(tmp_path / "log", files)

    assert (report.pages, report.stored, report.refused) == (1, 1, ())
    entity, page, run = lines(tmp_path / "log", "openrouter")
    assert {line.observed_at for line in (entity, page, run)} == {"2025-08-15T09:00:55.000000Z"}
    assert {line.epoch for line in (entity, page, run)} == {"2025-08-15T09"}
    assert (page.scope, page.page_no, page.last) == ("/api/v1/models", 1, True)
    assert [str(item.name) for item in list_segments(tmp_path / "log") if item.is_sealed] == [
        f"openrouter/2025-08-15/09-{WRITER}-000"
    ]


def test_files_folders_packs_and_compressed_files_are_the_same_input(tmp_path: Path) -> None:
    files = snapshots(12, random.Random(1))
    names = sorted(files)
    loose = write_files(tmp_path / "in", {name: files[name] for name in names[:3]})
    folder = tmp_path / "folder"
    write_files(folder, {f"{name}.gz": gzip.compress(files[name]) for name in names[3:6]})
    packed = zstandard.ZstdCompressor().compress
    write_files(folder / "below", {f"{name}.zst": packed(files[name]) for name in names[6:9]})
    tar = write_pack(tmp_path / "2026.tar.zst", {name: files[name] for name in names[9:]})

    import_into(tmp_path / "mixed", [tar, folder, *loose])
    import_into(tmp_path / "plain", write_files(tmp_path / "all", files))

    assert sightings(tmp_path / "mixed") == sightings(tmp_path / "plain")
    assert list(responses(tmp_path / "mixed", "openrouter")) == [files[name] for name in names]


def test_importing_again_adds_nothing_whichever_writer_imports(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", snapshots(5, random.Random(2)))
    import_into(tmp_path / "log", files)
    before = sorted(path.name for path in (tmp_path / "log" / "log").rglob("*.zst"))

    again = import_into(tmp_path / "log", files)
    other = import_into(tmp_path / "log", files, writer=OTHER)

    assert (again.pages, again.already, other.pages, other.already) == (0, 5, 0, 5)
    assert sorted(path.name for path in (tmp_path / "log" / "log").rglob("*.zst")) == before


def test_importing_again_adds_nothing_even_if_the_state_was_deleted(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", snapshots(3, random.Random(3)))
    import_into(tmp_path / "log", files)
    for path in (tmp_path / "log" / "state").rglob("*.sqlite"):
        path.unlink()

    assert import_into(tmp_path / "log", files).already == 3


@pytest.mark.parametrize("seed", range(8))
def test_order_portions_and_writers_make_no_difference(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    files = write_files(tmp_path / "in", snapshots(30, random.Random(99)))
    import_into(tmp_path / "straight", files)
    chance.shuffle(files)
    writers = [WRITER, OTHER, "0badcafe"][: 1 + seed % 3]

    while files:
        portion = [files.pop() for _ in range(min(len(files), chance.randint(1, 9)))]
        import_into(tmp_path / "odd", portion, writer=chance.choice(writers))

    assert sightings(tmp_path / "odd", writers) == sightings(tmp_path / "straight")


def test_an_import_leaves_one_chain_of_sealed_hours(tmp_path: Path) -> None:
    import_into(tmp_path, write_files(tmp_path / "in", snapshots(6, random.Random(4))))

    segments = list_segments(tmp_path, "openrouter")
    assert len(segments) == 6
    assert all(item.is_sealed and not item.is_open for item in segments)
    open_stream(tmp_path, "openrouter", WRITER, clock=SteppingClock())


def test_an_unknown_response_is_refused_and_the_others_are_imported(tmp_path: Path) -> None:
    good = models_list(("a/b", 1))
    files = write_files(tmp_path / "in", {"20250101.json": b"<html>", "20250102.json": good})

    report = import_into(tmp_path / "log", files)

    assert report.pages == 1
    assert len(report.refused) == 1
    assert report.refused[0].startswith("20250101.json: not a known response of openrouter")


def test_an_incomplete_body_of_a_named_endpoint_is_recorded_as_an_anomaly(tmp_path: Path) -> None:
    torn = models_list(("a/b", 1))[:-7]
    files = write_files(tmp_path / "in", {"20250101.json": torn})

    report = import_into(tmp_path / "log", files, endpoint="GET /api/v1/models")
    again = import_into(tmp_path / "log", files, endpoint="GET /api/v1/models")

    assert (report.anomalies, again.already) == (1, 1)
    line, run = lines(tmp_path / "log", "openrouter")
    assert run.kind == RUN
    assert (line.kind, exact_body(line)) == (ANOMALY, torn)


def test_a_named_endpoint_brings_its_parameters(tmp_path: Path) -> None:
    body = b'{"data":{"id":"a/b","endpoints":[{"tag":"t"}]}}'
    files = write_files(tmp_path / "in", {"20250101.json": body})

    import_into(tmp_path / "log", files, endpoint="/api/v1/models/a/b:free/endpoints")

    entity, page, _ = lines(tmp_path / "log", "openrouter")
    assert (entity.id, page.scope) == ("a/b:free#t", "/api/v1/models/a/b:free/endpoints")


@pytest.mark.parametrize("name", ["token", "Token", "key", "api_key", "apikey", "access_token"])
def test_a_secret_in_a_recorded_url_never_reaches_the_archive(tmp_path: Path, name: str) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": models_list(("a/b", 1))})

    url = f"/api/v1/models?{name}=hidden&output_modalities=all"
    import_into(tmp_path / "log", files, endpoint=url)

    page = lines(tmp_path / "log", "openrouter")[1]
    assert (page.params, page.status) == ({"output_modalities": "all"}, 200)
    for record in read_stream(tmp_path / "log", "openrouter", WRITER):
        assert b"hidden" not in record.line


def test_one_time_can_be_given_for_all_responses(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"x.json": models_list(("a/b", 1))})

    import_into(tmp_path / "log", files, observed_at=START)

    assert lines(tmp_path / "log", "openrouter")[0].observed_at == format_us(START)


@pytest.mark.slow
@pytest.mark.recordings
def test_every_recorded_list_is_rebuilt_to_its_own_sha256(tmp_path: Path) -> None:
    history = recordings() / "openrouter" / "history"
    manifest = (json.loads(line) for line in (history / "MANIFEST.jsonl").open())
    expected = sorted(entry["sha256"] for entry in manifest if entry["exact"])

    report = import_into(
        tmp_path,
        [history / name / "packs" for name in ("jvrck-openrouterlist", "meni432-ModelGraveyard")],
    )

    assert report.pages == len(expected) == 1285
    assert sorted(map(digest, responses(tmp_path, "openrouter"))) == expected
    pages: list[Line] = [line for line in lines(tmp_path, "openrouter") if line.kind == PAGE]
    assert [line.observed_at for line in pages if line.body_raw] == ["2025-08-15T09:00:55.000000Z"]
