"""Repairs segments with good copies from the mirror, and refuses to give up what it has."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import open_bucket
from eventlog.errors import Corrupt, Invalid, NotFound

if TYPE_CHECKING:
    from eventlog.check.repair import RepairResult
    from eventlog.format.paths import SegmentName
    from eventlog.mirror.history.find_segments import CommittedSegment
    from eventlog.stores.store import Store

SHOWN = 3
"""Number of segments that a message names."""


def repair_with_mirror(
    root: Path, mirror: MirrorSettings, name: "SegmentName", segment_bytes: int
) -> "RepairResult":
    """Repairs a segment from the files here, or else with a copy from the mirror, if there is one.

    Raises what `repair` raises if neither has a good copy.
    """
    from eventlog.check.repair import repair

    try:
        return repair(root, name, segment_bytes=segment_bytes)
    except (Corrupt, NotFound):
        archive = _mirrored_archive(root, mirror)
        if archive is None:
            raise
        result = asyncio.run(_repair(root, mirror, archive, name, segment_bytes))
        if result is None:
            raise
        return result


async def _repair(
    root: Path, mirror: MirrorSettings, archive: str, name: "SegmentName", segment_bytes: int
) -> "RepairResult | None":
    """Repairs a segment with the copy in the mirror. Returns None if that is not committed."""
    from eventlog.check.repair import RepairResult, repair
    from eventlog.mirror.pull.copies import fetch_segment

    scratch = root / "state" / "mirror"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".repair-", dir=scratch) as folder:
        async with open_bucket(root, mirror, Counter()) as store:
            if not await fetch_segment(store, archive, name, Path(folder)):
                return None
            fetched = await _fetch_assets(root, store, name, Path(folder))
            address = store.address
        result = repair(root, name, Path(folder), segment_bytes=segment_bytes)
        steps = [f"{fetched} assets from {address}"] if fetched else []
        if not steps or "nothing to do" not in result.what:
            steps.insert(0, result.what.replace(folder, address))
        return RepairResult(result.segment, ", ".join(steps))


async def _fetch_assets(root: Path, store: "Store", name: "SegmentName", copy: Path) -> int:
    """Fetches the assets of a segment that are missing here, as its intact copy names them."""
    from eventlog.format.named_assets import named_assets
    from eventlog.mirror.pull.copies import fetch_assets
    from eventlog.read.segment_lines import segment_blocks

    try:
        assets = {x for block in segment_blocks(copy, name) for x in named_assets(block)}
    except (Corrupt, NotFound):
        return 0  # the sealed file is missing in the bucket
    return await fetch_assets(root, store, name.source, assets)


def _mirrored_archive(root: Path, mirror: MirrorSettings) -> str | None:
    """Returns the id of this archive if it has a mirror and was pushed."""
    from eventlog.mirror.local.identity import read_archive_id

    return read_archive_id(root) if mirror.url is not None else None


def refuse_mirrored(
    root: Path, mirror: MirrorSettings, name: "SegmentName", first_seq: int, last_seq: int
) -> None:
    """Raises `Invalid` if the mirror has events of a segment that is given up as lost.

    `first_seq`, `last_seq`: the seqs that are lost. Raises what the bucket raises if it cannot be
    asked: what it has is not known then.
    """
    archive = _mirrored_archive(root, mirror)
    if archive is None:
        return
    found = asyncio.run(_find(root, mirror, archive, name, first_seq, last_seq))
    if found:
        names = [segment.manifest.segment for segment in found]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        what = f"{name}: not lost, the mirror has {', '.join(names[:SHOWN])}{more}"
        raise Invalid(what, f"hindlog repair {' '.join(names[:SHOWN])}\nhindlog sync pull")


async def _find(
    root: Path,
    mirror: MirrorSettings,
    archive: str,
    name: "SegmentName",
    first_seq: int,
    last_seq: int,
) -> "tuple[CommittedSegment, ...]":
    from eventlog.mirror.history.find_segments import find_segments

    async with open_bucket(root, mirror, Counter()) as store:
        return await find_segments(
            store,
            archive,
            lambda manifest: (
                (manifest.name.source, manifest.name.writer) == (name.source, name.writer)
                and manifest.first_seq <= last_seq
                and first_seq <= manifest.last_seq
            ),
        )
