"""`verify`, `repair` and `gaps`: results, messages and exit codes."""

from pathlib import Path

import orjson
import pytest

from cli.commands.log.integrity import _parse_share
from tests.cli.conftest import WRITER
from tests.cli.making import damage, hindlog, new_archive
from tests.projector.logs import Gone, hours, write_log

LAST = f"openrouter/2026-11-01/02-{WRITER}-000"


@pytest.fixture
def damaged(archive: Path) -> Path:
    """An archive with a flipped bit in its last sealed segment."""
    damage(archive / "log" / f"{LAST}.ndjson.zst")
    return archive


def test_verify_of_an_intact_log_prints_only_counts_on_stderr(shared: Path) -> None:
    done = hindlog("verify", at=shared)

    assert (done.code, done.raw) == (0, b"")
    assert done.err == "6 segments, 14 events, 0.0 MB: 0 damaged\n"


def test_verify_names_segment_frame_and_line_of_damage_and_exits_with_4(damaged: Path) -> None:
    done = hindlog("verify", at=damaged)

    assert done.code == 4
    assert done.out.startswith(f"{LAST}.ndjson.zst, frame 0, line 1, byte 0: ")
    assert done.out.count("\n") == 1
    assert done.err == "6 segments, 14 events, 0.0 MB: 1 damaged\n"


def test_verify_with_json_has_the_same_exit_codes(damaged: Path, shared: Path) -> None:
    bad, intact = hindlog("verify", "--json", at=damaged), hindlog("verify", "--json", at=shared)

    assert (bad.code, intact.code) == (4, 0)
    (reported,) = bad.json()["damages"]
    assert (reported["frame"], reported["line"], reported["place"]) == (0, 1, f"{LAST}.ndjson.zst")
    assert {key: bad.json()[key] for key in ("segments", "rows")} == {"segments": 6, "rows": 14}
    assert intact.json()["damages"] == []
    assert bad.err == "6 segments, 14 events, 0.0 MB: 1 damaged\n"


def test_verify_with_json_prints_one_line(damaged: Path) -> None:
    assert hindlog("verify", "--json", at=damaged).raw.count(b"\n") == 1


@pytest.mark.parametrize(
    ("since", "code", "segments"), [("2026-11-01T02", 4, 2), ("2026-11-01T03", 0, 0)]
)
def test_verify_since_reads_only_segments_from_that_instant_on(
    damaged: Path, since: str, code: int, segments: int
) -> None:
    done = hindlog("verify", "--since", since, at=damaged)

    assert done.code == code
    assert done.err.splitlines()[0] == f"since {since}:00:00Z"
    assert done.err.splitlines()[1].startswith(f"{segments} segments, ")


@pytest.mark.parametrize(
    ("text", "share"), [("100%", 1.0), ("5%", 0.05), ("5", 0.05), ("0.1%", 0.001)]
)
def test_a_share_is_a_percentage(text: str, share: float) -> None:
    assert _parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["0", "0%", "100.1%", "-5%", "half", "nan", ""])
def test_verify_refuses_an_invalid_share(shared: Path, text: str) -> None:
    done = hindlog("verify", "--sample", text, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "--sample" in done.err
    assert f"expected a percentage above 0% and up to 100%, such as 5%; found {text!r}" in done.err


def test_a_small_sample_reads_few_segments_completely(damaged: Path) -> None:
    done = hindlog("verify", "--sample", "0.0001%", at=damaged)

    assert done.code == 0
    assert done.err.startswith("6 segments, ")


def test_repair_without_a_good_copy_exits_with_4_and_changes_nothing(damaged: Path) -> None:
    done = hindlog("repair", LAST, at=damaged)

    assert (done.code, done.raw) == (4, b"")
    assert f"{LAST}: no good copy of its segment found" in done.err
    assert hindlog("verify", at=damaged).code == 4


@pytest.mark.parametrize("named", [LAST, f"log/{LAST}.ndjson.zst"])
def test_repair_replaces_the_segment_with_a_good_copy_and_names_its_path(
    damaged: Path, shared: Path, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(damaged)
    done = hindlog("repair", named, "--from", shared)

    assert (done.code, done.raw) == (0, b"")
    assert done.err == f"{LAST}: segment from {shared}/log/{LAST}.ndjson.zst\n"
    assert hindlog("verify").code == 0
    assert hindlog("repair", LAST).err == f"{LAST}: nothing to do: the segment is intact\n"


def test_repair_repairs_every_named_segment(archive: Path, shared: Path) -> None:
    first = f"openrouter/2026-11-01/00-{WRITER}-000"
    for name in (first, LAST):
        damage(archive / "log" / f"{name}.ndjson.zst")
    done = hindlog("repair", first, LAST, "--from", shared, at=archive)

    assert (done.code, done.err.count("segment from")) == (0, 2)
    assert hindlog("verify", at=archive).code == 0


def test_a_loss_is_accepted_only_when_that_is_requested(damaged: Path) -> None:
    (damaged / "log" / f"{LAST}.ndjson.zst").unlink()
    refused = hindlog("repair", LAST, at=damaged)
    accepted = hindlog("repair", LAST, "--accept-loss", at=damaged)

    assert (refused.code, accepted.code) == (4, 0)
    assert f"{LAST}: recorded as lost: seq 7 to 8" in accepted.err
    assert hindlog("verify", at=damaged).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", ".", "--accept-loss", LAST), "--from and --accept-loss exclude each other"),
        ((), "SEGMENTS"),
        (("no/such",), "segment 'no/such': expected a name as openrouter/"),
        (("--from", "no/such/folder", LAST), "no/such/folder"),
    ],
)
def test_repair_refuses_contradictory_arguments(
    shared: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = hindlog("repair", *arguments, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err


def test_gaps_exit_with_4_only_when_that_is_requested(shared: Path, empty: Path) -> None:
    plain, strict = hindlog("gaps", at=shared), hindlog("gaps", "--exit-code", at=shared)
    without_gaps = hindlog("gaps", "--exit-code", at=empty)

    assert (plain.code, strict.code, without_gaps.code) == (0, 4, 0)
    assert plain.raw == strict.raw
    assert without_gaps.rows == [["source", "what", "since", "until", "run", "reason"]]


def test_gaps_lists_the_hours_without_segment_or_heartbeat(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive")
    gone = [Gone(hours(hour), "model", "1") for hour in (0, 3, 5)]
    write_log(root, "civitai", WRITER, gone)
    done = hindlog("gaps", "--json", at=root)
    later = hindlog("gaps", "--json", "--since", "2026-11-01T03", at=root)

    rows = done.json()
    assert [(row["source"], row["what"], row["since"], row["until"]) for row in rows[:2]] == [
        ("civitai", "hours", "2026-11-01T01:00:00Z", "2026-11-01T03:00:00Z"),
        ("civitai", "hours", "2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z"),
    ]
    assert rows[0]["reason"] == "2 hours without segment or heartbeat"
    assert later.json() == rows[1:]
    assert later.err == "since 2026-11-01T03:00:00Z\n"


def test_a_failed_command_with_json_ends_with_one_json_line_on_stderr(damaged: Path) -> None:
    done = hindlog("gaps", "--json", "--since", "never", at=damaged)

    assert (done.code, done.raw) == (2, b"")
    assert orjson.loads(done.err.splitlines()[-1])["code"] == 2
