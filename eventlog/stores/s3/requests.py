"""Requests to a bucket beyond what a store does, such as its lifecycle rules.

Each is sent once. A response that is no success is returned, not raised: what a server refuses
is what a probe wants to know.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import attrs

from eventlog.stores.s3.bodies import Body, Parameters
from eventlog.stores.s3.client import S3Client, open_client, parse_bucket
from eventlog.stores.s3.faults import Fault, S3Fault
from eventlog.stores.store import ByteRange, StoreSettings
from eventlog.stores.transfer import upload_of_bytes

SCHEME = "s3://"


@attrs.frozen
class BucketRequests:
    """Requests to one bucket."""

    bucket: str
    prefix: str
    """Of all objects of the store; empty, or ends with "/"."""
    send: Callable[[str, Parameters, bytes | None], Awaitable[Parameters | Fault]]
    """Sends a request of (operation, parameters, body), as the S3 API names them."""

    def about(self, name: str) -> Parameters:
        """Returns the parameters that name an object of the store."""
        return {"Bucket": self.bucket, "Key": self.prefix + name}


@asynccontextmanager
async def open_requests(
    address: str, settings: StoreSettings
) -> AsyncGenerator[BucketRequests | None, None]:
    """Opens the bucket of an address; None if it is the address of another store."""
    if not address.startswith(SCHEME):
        yield None
        return
    bucket, prefix = parse_bucket(address.removeprefix(SCHEME))
    async with open_client(settings) as client:
        send = partial(_send, client, bucket)
        yield BucketRequests(bucket, f"{prefix}/" if prefix else "", send)


async def _send(
    client: S3Client, bucket: str, operation: str, parameters: Parameters, data: bytes | None
) -> Parameters | Fault:
    place = f"{SCHEME}{bucket}/{parameters.get('Key', '')}"
    body = Body(upload_of_bytes(data), ByteRange(0, len(data))) if data else None
    try:
        return await client.send(place, operation, parameters, body)
    except S3Fault as error:
        return error.fault
