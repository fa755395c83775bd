"""Puts objects again that were committed and are not in the bucket any more.

Only the committed bytes are put: each file is compared with the SHA-256 in the records.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, NotFound
from eventlog.format.paths import SEALED
from eventlog.mirror.bucket.names import (
    ASSETS,
    RECORDS,
    ROLLUP_SIZES,
    AssetObject,
    RecordObject,
    RollUpObject,
    SegmentObject,
    parse_object_name,
)
from eventlog.mirror.bucket.rollup import split_rollup
from eventlog.mirror.local.last_check import MissingObject
from eventlog.stores.store import Store, Upload
from eventlog.stores.transfer import gather_limited, upload_of_bytes, upload_of_file


@attrs.frozen
class PutAgain:
    """What was put again, and what could not be."""

    objects: int
    """Number of the missing objects that are in the bucket now."""
    size: int
    left: dict[MissingObject, str]
    """The others, each with the reason."""


async def put_again(
    root: Path, store: Store, missing: Sequence[MissingObject], transfers: int = 4
) -> PutAgain:
    """Puts the missing objects whose bytes are still here. Nothing is replaced.

    Assets come before sealed files, these before manifests, and these before records.
    """
    left: dict[MissingObject, str] = {}

    async def put(wanted: MissingObject) -> None:
        try:
            await store.put_new(wanted.name, await _upload_of(root, store, wanted))
        except FileNotFoundError:
            left[wanted] = "not here either"
        except (NotFound, Corrupt) as error:
            left[wanted] = error.what

    for rank in _RANKS:
        due = [wanted for wanted in missing if _rank(wanted.name) == rank]
        await gather_limited(due, put, transfers)
    done = [wanted for wanted in missing if wanted not in left]
    return PutAgain(len(done), sum(wanted.size for wanted in done), left)


_RANKS = range(4)


def _rank(name: str) -> int:
    """Returns when an object is put: the lowest first."""
    if name.startswith(RECORDS):
        return 3
    return 0 if name.startswith(ASSETS) else 1 if name.endswith(SEALED) else 2


async def _upload_of(root: Path, store: Store, wanted: MissingObject) -> Upload:
    """Returns the committed bytes. Raises an error if they are not here, or others are."""
    match parse_object_name(wanted.name):
        case SegmentObject() | AssetObject():
            path = root / wanted.name
            size = path.stat().st_size
            if size != wanted.size:
                raise Corrupt(f"{path}: expected {wanted.size} bytes, found {size}")
            return upload_of_file(path, wanted.size, wanted.sha256)
        case RecordObject(pusher, number):
            data = await _rolled_record(store, pusher, number)
            return attrs.evolve(upload_of_bytes(data), size=wanted.size, sha256=wanted.sha256)
        case _:
            raise NotFound(f"{wanted.name}: no object of a mirror")


async def _rolled_record(store: Store, pusher: str, number: int) -> bytes:
    """Returns a record from a roll-up that contains it. Raises `NotFound`."""
    for size in sorted(ROLLUP_SIZES):
        first = number - number % size
        name = str(RollUpObject(pusher, first, size))
        try:
            data = await store.get(name, None)
        except NotFound:
            continue
        return split_rollup(data, size, f"{store.address}/{name}")[number - first]
    raise NotFound(f"{RecordObject(pusher, number)}: in no roll-up")
