"""Probes over the functions of a store: an object is put, read, listed, not replaced, deleted."""

from contextlib import aclosing, suppress

from eventlog.errors import HindlogError, NotFound, Refused
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.names import RecordObject
from eventlog.mirror.local.identity import read_archive_id, read_bucket_id
from eventlog.mirror.probe.target import Outcome, ProbedBucket, failed, passed, warned
from eventlog.stores.s3.faults import Fault
from eventlog.stores.store import ByteRange, Conflict
from eventlog.stores.transfer import upload_of_bytes

CONTENT = b"hindlog probes this bucket\n"
PUT, LISTED = "put", "put too"
"""Names of objects."""


async def probe_round_trip(target: ProbedBucket) -> Outcome:
    """Puts an object, asks for it, reads it whole and in part."""
    name, store = target.prefix + PUT, target.store
    await store.put_new(name, upload_of_bytes(CONTENT))
    stored = await store.head(name)
    if stored is None or stored.size != len(CONTENT):
        return failed(f"an object that was sent is missing, or has another size: {name}")
    if stored.sha256 not in (None, digest(CONTENT)):
        return failed(f"{name}: its metadata contains another SHA-256 than the one sent")
    part = ByteRange(3, 9)
    if await store.get(name, None) != CONTENT:
        return failed(f"{name}: the bytes read differ from the bytes sent")
    if await store.get(name, part) != CONTENT[part.start : part.stop]:
        return failed(f"{name}: a range differs from the same bytes of the object")
    return passed("objects can be stored, described and read, completely and by range")


async def probe_put_once(target: ProbedBucket) -> Outcome:
    """Puts other bytes under a name that is taken."""
    name = target.prefix + PUT
    try:
        created = await target.store.put_new(name, upload_of_bytes(b"other bytes"))
    except Conflict:
        created = False
    if created or await target.store.get(name, None) != CONTENT:
        return failed(
            "an object was replaced: conditional writes have no effect here, so two machines may"
            " overwrite each other",
            "use a server that obeys If-None-Match, such as R2",
        )
    return passed("conditional writes work: replacing an object was refused")


async def probe_list_order(target: ProbedBucket) -> Outcome:
    """Lists two objects, the second one after the first."""
    await target.store.put_new(target.prefix + LISTED, upload_of_bytes(CONTENT))
    names = [target.prefix + PUT, target.prefix + LISTED]
    for after, expected in (("", names), (names[0], names[1:])):
        if await names_after(target, after) != expected:
            return failed("a listing lacks objects that were sent, or is not in order")
    return passed("a listing has every object that was sent, in order")


async def names_after(target: ProbedBucket, after: str) -> list[str]:
    """Returns the names of the objects of this probing that are greater than one."""
    async with aclosing(target.store.list_after(target.prefix, after)) as entries:
        return [entry.name async for entry in entries]


async def probe_delete(target: ProbedBucket) -> Outcome:
    """Deletes what the probes have put."""
    names = await names_after(target, "")
    try:
        for name in names:
            await target.store.delete(name)
    except Refused as error:
        where = f"{len(names)} objects of this check could not be deleted in {target.prefix}"
        if "Lock" in error.what:
            return warned(f"{where}: {error.what}", "let the bucket lock not reach probe/")
        return passed(f"this key cannot delete, which a push does not need; {where}")
    left = await names_after(target, "")
    if left:
        return failed(f"{left[0]} is still in the listing after it was deleted")
    return passed("the objects of this check were deleted")


async def delete_probe_objects(target: ProbedBucket) -> None:
    """Deletes what an interrupted probing has put, and ends its uploads, as far as the key may."""
    with suppress(HindlogError):
        for name in await names_after(target, ""):
            await target.store.delete(name)
    if target.requests is None:
        return
    bucket = {"Bucket": target.requests.bucket}
    request = bucket | {"Prefix": target.requests.prefix + target.prefix}
    response = await target.requests.send("list_multipart_uploads", request, None)
    for upload in () if isinstance(response, Fault) else response.get("Uploads", ()):
        about = bucket | {"Key": upload["Key"], "UploadId": upload["UploadId"]}
        await target.requests.send("abort_multipart_upload", about, None)


async def probe_archive_id(target: ProbedBucket) -> Outcome:
    """Compares the id of the archive in the bucket with that of the folder."""
    theirs, ours = await read_bucket_id(target.store), read_archive_id(target.root)
    if theirs is None and target.ledger is not None:
        return failed(
            "the id of the archive, hindlog.json, is missing in the bucket", "hindlog sync check"
        )
    if theirs is None:
        return passed("no archive is in the bucket yet")
    if theirs == ours:
        return passed(f"the bucket belongs to this archive, {ours}")
    return failed(
        f"the bucket belongs to archive {theirs}, this folder to {ours or 'none yet'}",
        "choose another prefix, or join them on purpose: hindlog sync push --join",
    )


async def probe_last_record(target: ProbedBucket) -> Outcome:
    """Reads the last record that this folder knows of its own."""
    ledger = target.ledger
    if ledger is None or not ledger.own.next:
        return passed("this folder has not pushed yet")
    number = ledger.own.next - 1
    name = str(RecordObject(ledger.pusher, number))
    try:
        data = await target.store.get(name, None)
    except NotFound:
        data = b""
    if digest(data) != ledger.own.sha256:
        return failed(f"{name}: missing or changed: the bucket was rolled back, or restored")
    return passed(
        f"the last commit record of this folder is in the bucket: {number} of {ledger.pusher}"
    )
