"""Segments that are found in the records of a bucket."""

import asyncio
from pathlib import Path

from eventlog.format.manifest import Manifest
from eventlog.format.paths import manifest_path
from eventlog.mirror.history.find_segments import CommittedSegment, find_segments
from eventlog.mirror.local.identity import read_archive_id
from tests.eventlog.making import OTHER, WRITER
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def test_every_committed_segment_is_found_once_whoever_pushed_it(tmp_path: Path) -> None:
    store = new_store()
    names = [add_hour(tmp_path, 0)]
    pushed(tmp_path, store)
    names.append(add_hour(tmp_path, 1))
    names.append(add_hour(tmp_path, 1, OTHER))
    pushed(tmp_path, store, "there")
    add_hour(tmp_path, 2)
    archive = read_archive_id(tmp_path)
    assert archive is not None

    def found(writer: str) -> list[CommittedSegment]:
        def is_wanted(manifest: Manifest) -> bool:
            return manifest.name.writer == writer

        return list(asyncio.run(find_segments(store, archive, is_wanted)))

    assert [segment.manifest.name for segment in found(WRITER)] == names[:2]
    assert [segment.manifest.name for segment in found(OTHER)] == names[2:]
    for segment in (*found(WRITER), *found(OTHER)):
        assert manifest_path(tmp_path, segment.manifest.name).read_text() == segment.file
