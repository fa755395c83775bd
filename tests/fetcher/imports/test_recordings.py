"""Recordings: which files are read, their times, and that damaged ones are refused."""

import gzip
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from eventlog.clock import HOUR, SECOND, parse_us
from eventlog.errors import HindlogError, Invalid, NotFound
from fetcher.imports.files.zstd_end import ends_with_complete_frame
from fetcher.imports.recordings import (
    RecordedResponse,
    Recording,
    choose_time_of,
    list_recordings,
    merge_by_time,
)
from tests.fetcher.importing import import_into, write_files, write_pack
from tests.fetcher.making import START

DAY_1, DAY_2 = parse_us("2025-01-01T00:00:00Z"), parse_us("2025-01-02T00:00:00Z")
LINES = b"".join(b'{"id":%d,"text":"%b"}\n' % (n, os.urandom(20).hex().encode()) for n in range(90))


def frames(*parts: bytes, checksum: bool = False) -> list[bytes]:
    """Each part as a zstd frame of its own."""
    return [zstandard.ZstdCompressor(write_checksum=checksum).compress(part) for part in parts]


def read(*paths: Path, time_from: str = "name", at: int | None = None) -> list[RecordedResponse]:
    return list(merge_by_time(list_recordings(list(paths), choose_time_of(time_from, at))))


def test_a_file_with_a_large_window_is_read(tmp_path: Path) -> None:
    magic, window, block = b"\x28\xb5\x2f\xfd", bytes([0, 28 - 10 << 3]), b"\x11\0\0{}"
    files = write_files(tmp_path, {"20250101.json.zst": magic + window + block})

    assert [response.body for response in read(*files)] == [b"{}"]


def test_a_skippable_frame_is_skipped() -> None:
    skipped = (0x184D2A51).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"

    assert ends_with_complete_frame(io.BytesIO(skipped + frames(LINES)[0] + skipped))
    assert not ends_with_complete_frame(io.BytesIO(frames(LINES)[0] + skipped[:-1]))


@pytest.mark.parametrize("name", ["20250101.ndjson", "20250101.json"])
@pytest.mark.parametrize(
    ("suffix", "packed"),
    [(".zst", b"".join(frames(LINES[:2000], LINES[2000:]))), (".gz", gzip.compress(LINES))],
)
@pytest.mark.parametrize("damage", [lambda data: data[:-5], lambda data: data[: len(data) // 2]])
def test_a_file_that_was_cut_off_is_never_read_as_a_shorter_one(
    tmp_path: Path, name: str, suffix: str, packed: bytes, damage: Callable[[bytes], bytes]
) -> None:
    files = write_files(tmp_path, {name + suffix: damage(packed)})

    with pytest.raises(Invalid, match=name):
        read(*files)


@pytest.mark.parametrize("suffix", [".zst", ".gz"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_refused(
    tmp_path: Path, suffix: str
) -> None:
    files = write_files(tmp_path, {f"20250101.json{suffix}": b'{"data":[1,2,3,4,5,6,7,8,9]}'})

    with pytest.raises(Invalid, match="20250101"):
        read(*files)


def test_the_time_comes_from_the_name_the_mtime_or_the_option(tmp_path: Path) -> None:
    (file,) = write_files(tmp_path, {"20250102.json": b"{}"})
    os.utime(file, (1_700_000_000.5, 1_700_000_000.5))

    assert [response.observed_at for response in read(file)] == [DAY_2]
    assert [response.observed_at for response in read(file, time_from="mtime")] == [
        1_700_000_000 * SECOND + SECOND // 2
    ]
    assert [response.observed_at for response in read(file, at=START)] == [START]


def test_an_unknown_value_of_time_from_is_refused() -> None:
    with pytest.raises(Invalid, match="expected name, mtime or git"):
        choose_time_of("ctime", None)


def test_hidden_files_of_a_folder_are_ignored_and_those_of_other_kinds_are_left_out(
    tmp_path: Path,
) -> None:
    names = ["20250101.json", ".20250101.json", "20250101.txt", "20250101.json.part"]
    write_files(tmp_path / "in", dict.fromkeys(names, b"{}"))
    left_out: list[HindlogError] = []

    listed = list_recordings([tmp_path / "in"], choose_time_of("name", None), left_out.append)

    assert [response.file for response in merge_by_time(listed)] == ["in/20250101.json"]
    (error,) = left_out
    assert error.what.startswith("in/20250101.json.part, in/20250101.txt: not named .json")
    assert [response.file for response in read(tmp_path / "in" / "20250101.txt")] == [
        "20250101.txt"
    ]


def test_responses_are_ordered_by_time_then_file_then_member(tmp_path: Path) -> None:
    names = ["b-20250102.json", "c-20250101.json", "a-20250102.json"]
    write_files(tmp_path / "in", dict.fromkeys(names, b"{}"))
    members = {"z-20250102.json": b"4", "y-20250102.json": b"5", "x-20250101.json": b"6"}
    tar = write_pack(tmp_path / "in" / "aa.tar.zst", members)

    assert [(response.file, response.member) for response in read(tmp_path / "in")] == [
        (f"in/{tar.name}", "x-20250101.json"),
        ("in/c-20250101.json", None),
        ("in/a-20250102.json", None),
        (f"in/{tar.name}", "z-20250102.json"),
        (f"in/{tar.name}", "y-20250102.json"),
        ("in/b-20250102.json", None),
    ]


def test_a_recording_is_opened_when_its_first_response_is_due_and_not_before() -> None:
    opened: list[int] = []

    def recording(day: int) -> Recording:
        def read() -> list[RecordedResponse]:
            opened.append(day)
            return [
                RecordedResponse(DAY_1 + (day + n) * HOUR, f"{day}", None, b"") for n in range(2)
            ]

        return Recording(DAY_1 + day * HOUR, 2, lambda: iter(read()))

    stream = merge_by_time([recording(5), recording(0), recording(1)])

    assert (next(stream).file, opened) == ("0", [0])
    assert [response.file for response in stream] == ["0", "1", "1", "5", "5"]


@pytest.mark.parametrize("order", [1, -1])
def test_responses_of_one_instant_and_name_are_ordered_by_content(
    tmp_path: Path, order: int
) -> None:
    files = [write_files(tmp_path / f"{n}", {"20250101.json": b"%d" % n})[0] for n in range(4)]
    bodies = [response.body for response in read(*files[::order])]

    assert bodies == sorted(bodies, key=lambda body: hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(
    ("time_from", "at", "name", "mtime"),
    [
        ("name", None, "20990101.json", 0),
        ("name", None, "19690720.json", 0),
        ("mtime", None, "20250101.json", -1.5),
        ("mtime", None, "20250101.json", -0.0000005),
        ("mtime", None, "20250101.json", 4_000_000_000),
        ("name", -1, "20250101.json", 0),
        ("name", START + 1, "20250101.json", 0),
    ],
)
def test_a_time_before_1970_or_after_now_is_refused(
    time_from: str, at: int | None, name: str, mtime: float
) -> None:
    with pytest.raises(Invalid, match=r"before 1970|in the future"):
        choose_time_of(time_from, at, lambda: START)(name, mtime, "")


def test_a_date_of_the_folder_that_contains_a_given_file_must_not_differ(tmp_path: Path) -> None:
    slug = {"openai_gpt-4o-2024-05-13.json": b"{}"}
    (file,) = write_files(tmp_path / "2026-08-15", slug)

    with pytest.raises(Invalid, match="several dates"):
        read(file)
    assert [response.observed_at for response in read(file, at=DAY_1)] == [DAY_1]


def test_a_response_without_a_time_is_an_error_or_left_out(tmp_path: Path) -> None:
    write_files(tmp_path / "in", {"20250101.json": b"{}", "models.json": b"{}"})
    write_pack(tmp_path / "in" / "a.tar.zst", {"20250102.json": b"{}", "other.json": b"{}"})
    left_out: list[HindlogError] = []

    listed = list_recordings([tmp_path / "in"], choose_time_of("name", None), left_out.append)

    assert [response.observed_at for response in merge_by_time(listed)] == [DAY_1, DAY_2]
    names = [error.what.split(":")[0] for error in left_out]
    assert names == ["in/a.tar.zst/other.json", "in/models.json"]
    with pytest.raises(Invalid, match="no time in this name"):
        read(tmp_path / "in")


def test_a_link_without_a_time_to_a_file_that_is_read_is_not_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_files(folder / "2025-01-01", {"121314.json": b"{}"})
    write_files(tmp_path / "other", {"models.json": b"{}"})
    (folder / "latest").symlink_to("2025-01-01")
    (folder / "latest.json").hardlink_to(folder / "2025-01-01" / "121314.json")
    (folder / "link.json").symlink_to(tmp_path / "other" / "models.json")
    left_out: list[HindlogError] = []

    listed = list_recordings([folder], choose_time_of("name", None), left_out.append)

    assert [response.file for response in merge_by_time(listed)] == ["in/2025-01-01/121314.json"]
    assert [error.what for error in left_out] == ["in/link.json: no time in this name"]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", ["ndjson", "jsonl"])
def test_a_dump_is_read_in_chunks_with_the_number_of_their_first_line(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    lines = [b'{"n":%d}\n' % number for number in range(1, 2_502)]
    body = b"".join(lines)
    packed = {"": body, ".gz": gzip.compress(body), ".zst": b"".join(frames(body))}[suffix]
    files = write_files(tmp_path, {f"20250101.{kind}{suffix}": packed})

    chunks = read(*files)

    assert b"".join(chunk.body for chunk in chunks) == body
    assert [chunk.first_line for chunk in chunks] == [1, 1001, 2001]
    assert [chunk.body.split(b"\n")[0] for chunk in chunks] == [
        b'{"n":1}',
        b'{"n":1001}',
        b'{"n":2001}',
    ]


def test_chunks_of_long_lines_contain_few_of_them(tmp_path: Path) -> None:
    files = write_files(tmp_path, {"20250101.ndjson": (b"x" * 5_000_000 + b"\n") * 4})

    assert [chunk.first_line for chunk in read(*files)] == [1, 3]


def test_a_json_document_is_not_split_into_lines(tmp_path: Path) -> None:
    files = write_files(tmp_path, {"20250101.json": b'{\n"data":[]\n}\n'})

    (response,) = read(*files)

    assert (response.body, response.first_line) == (b'{\n"data":[]\n}\n', None)


def test_missing_files_and_cut_packs_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        import_into(tmp_path / "log", [tmp_path / "nothing"])
    tar = write_pack(
        tmp_path / "a.tar.zst", {f"2025010{n}.json": os.urandom(900) for n in range(1, 10)}
    )
    tar.write_bytes(tar.read_bytes()[:-30])
    with pytest.raises(Invalid):
        import_into(tmp_path / "log", [tar])


@pytest.mark.parametrize(
    "names", [("20250101.json.gz", "20250102.json"), ("20250102.tar", "20250101.json")]
)
def test_a_member_of_a_pack_that_cannot_be_read_does_not_end_the_others(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    bad, good = names
    pack = write_pack(tmp_path / "a.tar.zst", {bad: gzip.compress(LINES)[:-9], good: b"{}"})
    left_out: list[HindlogError] = []

    recordings = list_recordings([pack], choose_time_of("name", None), left_out.append)
    responses = list(merge_by_time(recordings))

    assert [(response.member, response.body) for response in responses] == [(good, b"{}")]
    assert [error.what.startswith(f"a.tar.zst/{bad}: ") for error in left_out] == [True]
