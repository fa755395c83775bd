"""What a pull would do: reads the records of the bucket, and changes nothing in the log."""

from pathlib import Path

from eventlog.files.absent.fetch import sealed_object
from eventlog.files.absent.mirror import WantedFile
from eventlog.mirror.history.spool import spool_records, spooled
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.local.ledger import NO_PUSHER
from eventlog.mirror.pull.files import (
    Fetched,
    count_file,
    future_segments,
    wanted_assets,
    wants_file,
)
from eventlog.mirror.pull.manifests import plan_manifests
from eventlog.mirror.pull.pull import PullResult, common_archive, result_of_pull
from eventlog.read.event_filter import EVERYTHING, Select
from eventlog.stores.store import Store


async def plan_pull(
    root: Path, store: Store, *, select: Select | None = EVERYTHING, join: bool = False
) -> PullResult:
    """Returns what `pull` would do. Raises like it, but for what only files can show."""
    fetched = Fetched()
    files: dict[str, WantedFile] = {}
    with lock_mirror(root):
        archive = await common_archive(root, store, join=join)
        async with spool_records(root, store, archive, NO_PUSHER) as spool:
            written = plan_manifests(root, spool)
            for record in spooled(spool):
                files.update((file.name, file) for file in wanted_assets(root, record, select))
                for manifest in future_segments(root, record, written.conflicts):
                    if wants_file(select, manifest):
                        file = sealed_object(manifest)
                        files[file.name] = file
                    else:
                        fetched.left.add(manifest.segment)
    for file in files.values():
        count_file(fetched, file)
    return result_of_pull(written, fetched)
