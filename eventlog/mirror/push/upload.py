"""Puts everything that a record names into the bucket, before the record.

    assets ──> sealed files ──> manifests and losses

Every step may be repeated: an object that is there with the same bytes counts as put. If other
bytes are there, its stream is left out, and the others continue.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from eventlog.format.paths import LOSS, MANIFEST, SEALED, asset_path, sealed_path
from eventlog.mirror.bucket.chain import LinkFacts
from eventlog.mirror.bucket.names import AssetObject, SegmentObject
from eventlog.mirror.push.prepare import PreparedLink
from eventlog.read.cursor import StreamKey
from eventlog.stores.store import Conflict, Store, Upload
from eventlog.stores.transfer import (
    gather_limited,
    require_equal,
    upload_of_bytes,
    upload_of_file,
)


@attrs.frozen
class Sending:
    """How objects are put."""

    store: Store
    transfers: int = 4
    """Number of objects that are put at the same time."""
    ask_first: bool = False
    """Whether to ask for an object before sending it, since it may be there already."""


@attrs.frozen
class Sent:
    """What was put."""

    objects: int
    size: int
    """Bytes of the objects that were not there before."""
    conflicts: tuple[tuple[PreparedLink, str], ...]
    """Links of which the bucket has other bytes, each with the message."""


@attrs.frozen
class _Step:
    """One object that is put."""

    name: str
    upload: Upload
    link: PreparedLink | None
    """The link whose file it is; None for an asset."""


async def upload_links(root: Path, sending: Sending, links: Sequence[PreparedLink]) -> Sent:
    """Puts the objects of some links. Raises what the store raises, except for conflicts."""
    objects = size = 0
    conflicts: list[tuple[PreparedLink, str]] = []
    refused: dict[StreamKey, int] = {}
    for steps in (_assets(root, links), _sealed_files(root, links), _manifests(links)):
        due = [step for step in steps if step.link is None or _is_before(step.link.facts, refused)]

        async def put(step: _Step) -> Conflict | int:
            return await _put(sending, step)

        for step, result in zip(
            due, await gather_limited(due, put, sending.transfers), strict=True
        ):
            if not isinstance(result, Conflict):
                objects, size = objects + (result > 0), size + result
            elif step.link is None:
                raise result
            else:
                conflicts.append((step.link, result.what))
                if _is_before(step.link.facts, refused):
                    refused[step.link.facts.key] = step.link.facts.first_seq
    return Sent(objects, size, tuple(conflicts))


def _is_before(link: LinkFacts, refused: Mapping[StreamKey, int]) -> bool:
    """Whether no link of the same stream up to this one was refused."""
    return link.first_seq < refused.get(link.key, link.last_seq + 1)


def _assets(root: Path, links: Sequence[PreparedLink]) -> list[_Step]:
    sizes = dict(sorted({asset for link in links for asset in link.assets}))
    return [
        _Step(
            str(AssetObject(sha256)), upload_of_file(asset_path(root, sha256), size, sha256), None
        )
        for sha256, size in sizes.items()
    ]


def _sealed_files(root: Path, links: Sequence[PreparedLink]) -> list[_Step]:
    steps = []
    for link in links:
        if link.manifest is not None:
            name, zst = link.manifest.name, link.manifest.zst
            path = sealed_path(root, name)
            upload = upload_of_file(path, zst.bytes, zst.sha256, link.parts)
            steps.append(_Step(str(SegmentObject(name, SEALED)), upload, link))
    return steps


def _manifests(links: Sequence[PreparedLink]) -> list[_Step]:
    return [
        _Step(
            f"log/{link.facts.segment}{LOSS if link.manifest is None else MANIFEST}",
            upload_of_bytes(link.link.file.encode()),
            link,
        )
        for link in links
    ]


async def _put(sending: Sending, step: _Step) -> Conflict | int:
    """Puts an object. Returns the number of bytes that were new, or the conflict."""
    store, upload = sending.store, step.upload
    try:
        if sending.ask_first and (there := await store.head(step.name)) is not None:
            sha256 = there.sha256 or upload.sha256  # a store that does not know it is asked by put
            require_equal(f"{store.address}/{step.name}", there.size, sha256, upload)
            if there.sha256 is not None:
                return 0
        return upload.size if await store.put_new(step.name, upload) else 0
    except Conflict as conflict:
        return conflict
