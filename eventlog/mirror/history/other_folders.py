"""Who else writes a stream: the last record of another folder that has a link of it."""

from collections.abc import Set

from eventlog.mirror.bucket.record import CommitRecord
from eventlog.mirror.history.read_log import find_pushers, read_log
from eventlog.mirror.local.ledger import PusherHead
from eventlog.mirror.local.pusher import Pusher
from eventlog.read.cursor import StreamKey
from eventlog.stores.store import Store


def describe_fork(key: StreamKey, other: CommitRecord | None) -> str:
    """Returns that two folders write a stream, as part of a message.

    `other`: the last record that the other folder put for the stream, if it is known.
    """
    text = f"two folders write the stream {', '.join(key)}"
    return text if other is None else f"{text}; the other one is {other.host}, last seen {other.at}"


async def last_foreign_records(
    store: Store, archive: str, ours: Pusher, keys: Set[StreamKey]
) -> dict[StreamKey, CommitRecord]:
    """Returns the last record of another folder for each stream that has one.

    Reads the records of all pushers, but none if there are no streams. A folder that was copied
    has our pusher and another name.
    """
    last: dict[StreamKey, CommitRecord] = {}
    for pusher in await find_pushers(store) if keys else ():
        async for read in read_log(store, archive, pusher, PusherHead()):
            record = read.record
            if (record.pusher, record.host) == (ours.id, ours.host):
                continue
            for key in {facts.key for facts in read.facts} & keys:
                if key not in last or last[key].at < record.at:
                    last[key] = record
    return last
