"""Verify: lost, swapped, edited and replaced segments and manifests."""

import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from eventlog.format.paths import (
    SegmentName,
    manifest_path,
    open_path,
    sealed_path,
)
from eventlog.read.segment_lines import segment_blocks
from tests.eventlog.check.damaged_logs import damages_of, lose, names
from tests.eventlog.making import (
    write_hours,
)

EDITS: list[Callable[[dict[str, object]], object]] = [
    lambda m: m.update(rows=4),
    lambda m: m.update(longest_line_bytes=5),
    lambda m: m.update(first_observed_at="2026-11-21T05:00:00.000000Z"),
    lambda m: m["raw"].update(sha256="0" * 64),  # type: ignore[attr-defined]
    lambda m: m["zst"].update(sha256="0" * 64),  # type: ignore[attr-defined]
    lambda m: m.update(previous=None),
    lambda m: m.update(previous="0" * 64),
    lambda m: m.update(kinds={"page": 5}),
    lambda m: (
        [frame.update(types={"image": frame["rows"]}) for frame in m["frames"]]  # type: ignore[attr-defined]
        and m.update(types={"image": 5})
    ),
    lambda m: m.update(novelty=True),
    lambda m: m.update(format=2),
]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (0, "begins with seq 6: the segments before it are missing"),
        (1, "expected seq 6 (after"),
        (2, "found 16: a sealed segment is missing"),
    ],
)
def test_a_lost_segment_is_detected_by_the_next_one(log: Path, lost: int, message: str) -> None:
    all_names = names(log)
    lose(log, all_names[lost])
    (damage,) = damages_of(log)

    assert message in damage.what
    assert damage.place.startswith(str(all_names[lost + 1]))


def test_a_lost_last_segment_is_detected_by_the_head(log: Path) -> None:
    open_path(log, names(log)[3]).unlink()

    (damage,) = damages_of(log)

    assert "seq 17 was durable, but the log ends with seq 15" in damage.what


@pytest.mark.parametrize("which", ["zst", "manifest"])
def test_a_segment_without_its_manifest_or_the_reverse_is_damage(log: Path, which: str) -> None:
    name = names(log)[1]
    (sealed_path if which == "zst" else manifest_path)(log, name).unlink()
    damages = damages_of(log)

    assert any(str(name) in each.place and "missing" in each.what for each in damages)


def test_a_swapped_pair_is_damage(log: Path) -> None:
    first, second, *_ = names(log)
    for path in (sealed_path, manifest_path):
        a, b = path(log, first), path(log, second)
        data = a.read_bytes()
        a.write_bytes(b.read_bytes())
        b.write_bytes(data)

    assert {each.place for each in damages_of(log)} >= {
        f"{first}.manifest.json",
        f"{second}.manifest.json",
    }


def test_swapped_files_are_damage(log: Path) -> None:
    first, second, *_ = names(log)
    a, b = sealed_path(log, first), sealed_path(log, second)
    data = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(data)

    assert {each.place for each in damages_of(log)} == {
        f"{first}.ndjson.zst",
        f"{second}.ndjson.zst",
    }


@pytest.mark.parametrize("number", range(len(EDITS)))
@pytest.mark.parametrize("which", [1, 2])
def test_an_edited_manifest_is_damage(log: Path, which: int, number: int) -> None:
    name = names(log)[which]
    path = manifest_path(log, name)
    members = orjson.loads(path.read_bytes())
    EDITS[number](members)
    path.write_bytes(orjson.dumps(members) + b"\n")

    assert any(each.place == f"{name}.manifest.json" for each in damages_of(log))


@pytest.mark.parametrize(
    ("part", "message"), [("raw", "of its lines"), ("zst", "but the segment is intact")]
)
def test_a_wrong_sha_256_in_a_manifest_is_damage_of_the_manifest(
    log: Path, part: str, message: str
) -> None:
    path = manifest_path(log, names(log)[0])
    members = orjson.loads(path.read_bytes())
    members[part]["sha256"] = "0" * 64
    path.write_bytes(orjson.dumps(members) + b"\n")

    assert any(message in str(each) and "SHA-256" in str(each) for each in damages_of(log))


def test_a_replaced_segment_breaks_the_chain(
    log: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write_hours(other, 2, 5)
    name = names(log)[0]
    for path in (sealed_path, manifest_path):
        shutil.copy(path(other, names(other)[0]), path(log, name))
    damages = damages_of(log)

    assert [each.place for each in damages] == [
        f"{name}.manifest.json",
        f"{names(log)[1]}.manifest.json",
    ]
    assert "refers to a previous manifest" in damages[0].what


def test_a_seq_in_two_segments_is_damage(log: Path) -> None:
    first = names(log)[0]
    twin = SegmentName(first.source, first.date, "04", first.writer, 0)
    data = b"".join(segment_blocks(log, first))
    open_path(log, twin).write_bytes(data)

    assert any(
        each.place == f"{twin}.ndjson" and "contains it already" in each.what
        for each in damages_of(log)
    )
