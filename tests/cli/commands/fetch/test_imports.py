"""`fetch import` and `fetch replay`: counts, responses left out, exit codes."""

import gzip
import json
import os
from pathlib import Path

import pytest
import zstandard

from tests.cli.making import events, hindlog, spelled

MODELS = ("--endpoint", "/api/v1/models")


def recording(folder: Path, name: str, *ids: str) -> Path:
    """Writes a recorded response with these entities; returns its path."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(json.dumps({"data": [{"id": id_, "name": id_} for id_ in ids]}))
    return file


def imported(root: Path, *arguments: str | Path) -> tuple[int, str]:
    """Imports into `openrouter`; returns exit code and stderr."""
    done = hindlog("fetch", "import", "openrouter", *arguments, at=root)
    assert done.raw == b""
    return done.code, done.err


def test_an_import_counts_its_responses_and_a_second_one_adds_nothing(
    empty: Path, tmp_path: Path
) -> None:
    recording(tmp_path / "given", "2026-01-01.json", "a", "b")
    recording(tmp_path / "given", "2026-01-02.json", "a", "b")
    first, second = (imported(empty, tmp_path / "given", *MODELS) for _ in range(2))

    assert first[0] == 0
    assert first[1] == (
        "openrouter: 2 of 2 responses, 0 of them in the log already; "
        "4 entities, embedded ones included: 2 new or changed, 2 unchanged\n"
    )
    assert second[0] == 0
    assert second[1].startswith("openrouter: 2 of 2 responses, 2 of them in the log already; ")
    pages = events(hindlog("log", "--kind", "page", at=empty))
    assert [page["observed_at"][:10] for page in pages] == ["2026-01-01", "2026-01-02"]


@pytest.mark.parametrize(
    ("options", "day"),
    [
        (("--observed-at", "2026-03-04"), "2026-03-04"),
        (("--time-from", "mtime"), "2026-02-03"),
        (("--time-from", "name"), "2026-01-01"),
        ((), "2026-01-01"),
    ],
    ids=spelled,
)
def test_the_time_of_a_response_comes_from_an_option_its_name_or_its_mtime(
    empty: Path, tmp_path: Path, options: tuple[str, ...], day: str
) -> None:
    file = recording(tmp_path / "given", "2026-01-01.json", "a")
    os.utime(file, (1770076800, 1770076800))  # 2026-02-03
    code, _ = imported(empty, file, *MODELS, *options)

    assert code == 0
    assert [e["observed_at"][:10] for e in events(hindlog("log", "--kind", "page", at=empty))] == [
        day
    ]


def test_responses_without_a_time_are_left_out_with_3_and_refused_with_2_if_there_is_no_other(
    empty: Path, tmp_path: Path
) -> None:
    timeless = recording(tmp_path / "given", "one.json", "a")
    recording(tmp_path / "given", "2026-01-02.json", "a")
    mixed = imported(empty, tmp_path / "given", *MODELS)
    untimed = imported(empty, timeless, *MODELS)

    assert (mixed[0], untimed[0]) == (3, 2)
    lines = mixed[1].splitlines()
    assert lines[0].startswith("openrouter: 1 of 1 responses, 0 of them")
    assert lines[1].startswith("left out: given/one.json: no time")
    assert lines[2] == "  set a time for them: --observed-at TIME, or --time-from mtime"
    assert untimed[1].endswith("  set a time for them: --observed-at TIME, or --time-from mtime\n")


def test_a_file_of_the_future_or_before_1970_is_left_out_and_nothing_is_appended(
    empty: Path, tmp_path: Path
) -> None:
    future = recording(tmp_path / "given", "2099-01-02.json", "a")
    past = recording(tmp_path / "given", "1969-01-02.json", "a")
    refused = imported(empty, future, past, *MODELS)
    fixed = imported(empty, future, *MODELS, "--observed-at", "2099-01-01")
    recording(tmp_path / "given", "2026-01-02.json", "a")
    mixed = imported(empty, tmp_path / "given", *MODELS)

    assert (refused[0], fixed[0], mixed[0]) == (2, 2, 3)
    assert "--observed-at: the time is in the future: 2099-01-01T00:00:00Z" in fixed[1]
    assert "left out: given/1969-01-02.json: the time is before 1970" in mixed[1]
    pages = events(hindlog("log", "--kind", "page", at=empty))
    assert [page["observed_at"][:10] for page in pages] == ["2026-01-02"]


def test_a_response_that_is_not_json_is_named_and_the_others_are_imported_with_3(
    empty: Path, tmp_path: Path
) -> None:
    file = recording(tmp_path / "given", "2026-01-02.json", "a")
    file.write_text(json.dumps({"models": {"data": [{"id": "a", "name": "A"}]}}))
    recording(tmp_path / "given", "2026-01-03.json").write_text("{bad")
    code, err = imported(empty, tmp_path / "given", "--part", "$.models=/api/v1/models")

    assert code == 3
    assert "left out: given/2026-01-03.json: " in err


def test_parts_split_the_envelope_of_another_collector(empty: Path, tmp_path: Path) -> None:
    file = tmp_path / "2026-01-01.json"
    file.write_text(json.dumps({"models": {"data": [{"id": "a", "name": "A"}]}, "other": 1}))
    code, err = imported(empty, file, "--part", "$.models=/api/v1/models")

    assert (code, err.startswith("openrouter: 1 of 1 responses")) == (0, True)
    (page,) = events(hindlog("log", "--kind", "page", at=empty))
    assert page["endpoint"] == "/api/v1/models"


def test_a_part_that_matches_no_response_is_named_with_3(empty: Path, tmp_path: Path) -> None:
    for day in (1, 2):
        file = tmp_path / "given" / f"2026-01-0{day}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"models": {"data": [{"id": "a", "name": "A"}]}, "rows": None}))
    good = "$.models=/api/v1/models"
    wrong = ("$.modles=/api/v1/models", "$.rows=/api/v1/models")
    parts = [word for part in (good, *wrong) for word in ("--part", part)]
    first, second = (imported(empty, tmp_path / "given", *parts) for _ in range(2))

    assert (first[0], second[0]) == (3, 3)
    assert first[1].splitlines()[1:] == [
        "--part '$.modles=/api/v1/models' matched no response in 2 recordings",
        "--part '$.rows=/api/v1/models' matched no response in 2 recordings",
        "  compare its JSON path with one of the recordings",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch", "."), "source 'nosuch': expected one of civitai, openrouter"),
        (("openrouter",), "PATHS"),
        (("openrouter", ".", "--part", "models"), "models"),
        (("openrouter", ".", "--observed-at", "2026-13-01"), "2026-13-01"),
        (("openrouter", ".", "--time-from", "luck"), "--time-from"),
    ],
    ids=spelled,
)
def test_import_refuses_invalid_arguments(
    empty: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = hindlog("fetch", "import", *arguments, at=empty)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err


def test_an_import_of_a_missing_file_exits_with_6(empty: Path) -> None:
    code, err = imported(empty, "no/such/file.json")

    assert (code, "no/such/file.json" in err) == (6, True)


@pytest.mark.parametrize("name", ["notes.txt", ".2026-01-01.json", None])
def test_nothing_to_import_exits_with_6(empty: Path, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "given").mkdir()
    if name:
        (tmp_path / "given" / name).write_text("{}")
    code, err = imported(empty, tmp_path / "given", *MODELS)

    assert code == 6
    assert "given: contains no files" in err or "given/notes.txt: not named .json" in err


def test_damaged_files_are_named_with_3_each_time_and_the_others_are_imported(
    empty: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    good = recording(folder, "2026-01-01.json", "a").read_bytes()
    packed = bytearray(gzip.compress(good))
    packed[-6] ^= 0xFF
    damaged = {
        "2026-01-02.json.gz": gzip.compress(good)[:-9],
        "2026-01-03.json.gz": good,
        "2026-01-04.ndjson.gz": bytes(packed),
        "2026-01-05.json.zst": zstandard.ZstdCompressor().compress(good * 99)[:-3],
        "2026-01-06.ndjson": b"",
        "2026-01-07.ndjson": b" \n\n",
        "2026.tar": b"x" * 2000,
    }
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
    runs = [imported(empty, folder, *MODELS) for _ in range(2)]

    for code, err in runs:
        assert code == 3
        named = [line.split(": ")[1] for line in err.splitlines() if line.startswith("left out: ")]
        assert sorted(named) == [f"given/{name}" for name in sorted(damaged)]
    assert runs[0][1].startswith("openrouter: 1 of 1 responses, 0 of them in the log already; ")
    assert len(events(hindlog("log", "--kind", "page", at=empty))) == 1


def test_only_damaged_files_exit_with_3(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "2026-01-01.json.gz").write_bytes(b"{}")
    (tmp_path / "2026.tar").write_bytes(b"x" * 2000)

    assert imported(empty, tmp_path / "2026-01-01.json.gz", *MODELS)[0] == 3
    assert imported(empty, tmp_path / "2026.tar", *MODELS)[0] == 3


def test_a_missing_file_does_not_end_the_import_of_the_others(empty: Path, tmp_path: Path) -> None:
    code, err = imported(empty, "no.json", recording(tmp_path / "in", "2026-01-01.json", "a"))

    assert (code, "left out: no.json: no such file" in err) == (3, True)
    assert "1 of 1 responses" in err


def test_what_is_not_recognized_is_left_out_or_kept_and_named_with_3(
    empty: Path, tmp_path: Path
) -> None:
    file = recording(tmp_path / "given", "2026-01-01.json")
    file.write_text(json.dumps({"error": {"message": "No \x1b[2Jsuch page"}}))
    left_out = imported(empty, file)
    kept = [imported(empty, file, "--keep-unrecognized") for _ in range(2)]

    reason = "2026-01-01.json: not a known response of openrouter: upstream says"
    assert [code for code, _ in (left_out, *kept)] == [3, 3, 3]
    assert left_out[1].startswith(
        "openrouter: 1 of 1 responses, 0 of them in the log already, 1 left out; 0 entities"
    )
    assert f"left out: {reason}" in left_out[1]
    assert "\x1b" not in left_out[1]
    assert "0 of them in the log already, 1 kept as anomalies; " in kept[0][1]
    assert "1 of them in the log already; " in kept[1][1]
    assert all(f"kept as an anomaly: {reason}" in err for _, err in kept)
    assert len(events(hindlog("log", "--kind", "anomaly", at=empty))) == 1


def test_a_doubtful_response_exits_with_3_each_time(empty: Path, tmp_path: Path) -> None:
    file = recording(tmp_path / "given", "2026-01-01.json", "a")
    file.write_text(json.dumps({"data": [{"id": "a"}], "total_count": 6}))
    runs = [imported(empty, file, *MODELS) for _ in range(2)]

    assert [code for code, _ in runs] == [3, 3]
    assert all(
        "not used as a complete listing: 2026-01-01.json: total_count" in err for _, err in runs
    )


def test_many_responses_in_one_file_are_counted_as_such(empty: Path, tmp_path: Path) -> None:
    rows = [{"data": [{"id": f"{number}"}]} for number in range(14)]
    file = tmp_path / "2026-01-01.ndjson"
    file.write_text("\n".join(map(json.dumps, rows)))

    _, err = imported(empty, file, *MODELS)

    assert err.startswith("openrouter: 14 of 14 responses, 0 of them in the log already; 14 ent")


def test_stdin_is_a_response_with_a_given_time_only(empty: Path, tmp_path: Path) -> None:
    body = recording(tmp_path, "2026-01-01.json", "a").read_bytes()
    command = ("fetch", "import", "openrouter", "-", *MODELS)
    given = hindlog(*command, "--observed-at", "2026-01-01", at=empty, stdin=body)
    named = hindlog(*command, at=empty, stdin=body)
    mtime = hindlog(*command, "--time-from", "mtime", at=empty, stdin=body)

    assert (given.code, named.code, mtime.code) == (0, 2, 2)
    assert "1 of 1 responses" in given.err
    assert "-: no time in this name" in named.err
    assert "-: a pipe has no time of modification" in mtime.err


def test_replay_processes_every_source_or_the_named_ones(empty: Path) -> None:
    every = hindlog("fetch", "replay", at=empty)
    single = hindlog("fetch", "replay", "openrouter", at=empty)
    unknown = hindlog("fetch", "replay", "nosuch", at=empty)

    assert (every.code, single.code, unknown.code) == (0, 0, 2)
    nothing = "no quarantined body can be split\n"
    assert every.err == f"civitai: {nothing}openrouter: {nothing}"
    assert single.err == f"openrouter: {nothing}"
    assert "hindlog fetch replay --help" in unknown.err


def test_replay_prints_its_resolved_range(empty: Path) -> None:
    done = hindlog(
        *("fetch", "replay", "civitai", "--since", "2026-11-01", "--until", "2026-11-02"), at=empty
    )

    assert done.err.splitlines()[:2] == [
        "since 2026-11-01T00:00:00Z",
        "until 2026-11-02T00:00:00Z",
    ]
