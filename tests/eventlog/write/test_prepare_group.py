"""The files of a group before it is committed."""

from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt
from eventlog.format.manifest import digest, parse_manifest
from eventlog.format.paths import MANIFEST, SEALED, open_path
from eventlog.write.prepare_group import (
    GroupBlock,
    Preparation,
    close_preparation,
    prepare_blocks,
    sync_prepared,
)
from eventlog.write.publish_group import prepared_path
from tests.eventlog.making import entity, write_log
from tests.eventlog.write.test_group import NO_SYNC


def two_blocks(root: Path) -> list[GroupBlock]:
    """Returns two blocks of one segment."""
    name = write_log(root, [[entity(1)], [entity(2)]], seal=False)
    first, second = open_path(root, name).read_bytes().splitlines(keepends=True)
    return [GroupBlock(name, first, is_last=False), GroupBlock(name, second, is_last=True)]


def test_a_manifest_describes_the_frames_and_the_previous_segment(tmp_path: Path) -> None:
    blocks = two_blocks(tmp_path / "a")
    preparation = Preparation(tmp_path, "0" * 64)
    prepare_blocks(preparation, blocks[:1], NO_SYNC)
    before = list(preparation.segments)
    prepare_blocks(preparation, blocks[1:], NO_SYNC)

    (segment,) = preparation.segments
    data = prepared_path(tmp_path, segment.name, MANIFEST).read_bytes()
    manifest = parse_manifest(data, "")
    assert (before, preparation.file) == ([], None)
    assert (manifest.previous, manifest.rows, len(manifest.frames)) == ("0" * 64, 2, 2)
    assert segment.manifest_sha256 == preparation.previous == digest(data)


def test_lines_that_are_not_those_of_the_stream_are_refused(tmp_path: Path) -> None:
    block = two_blocks(tmp_path / "a")[0]
    other = attrs.evolve(block, name=attrs.evolve(block.name, source="civitai"))
    preparation = Preparation(tmp_path, None)
    with pytest.raises(Corrupt, match="an event of another stream"):
        prepare_blocks(preparation, [other], NO_SYNC)
    close_preparation(preparation, NO_SYNC)

    assert preparation.segments == []


@pytest.mark.parametrize("suffix", [SEALED, MANIFEST])
def test_other_bytes_than_those_written_are_noticed(tmp_path: Path, suffix: str) -> None:
    preparation = Preparation(tmp_path, None)
    blocks = two_blocks(tmp_path / "a")
    prepare_blocks(preparation, blocks, NO_SYNC)
    sync_prepared(preparation, None, NO_SYNC)
    path = prepared_path(tmp_path, blocks[0].name, suffix)
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(Corrupt, match=f"{path.name}: expected the bytes that were written"):
        sync_prepared(preparation, None, NO_SYNC)
