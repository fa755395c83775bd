"""Ctrl-C during `doctor --online`: nothing of the probing stays in the bucket."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from eventlog.stores.opening import open_store
from eventlog.stores.s3.requests import open_requests
from tests.cli.making import NO_SOURCES, new_archive
from tests.e2e.conftest import environment
from tests.eventlog.stores.places import listed, new_name
from tests.object_store.server import BUCKET, KEYS, ObjectServer

PROGRAM = """
import os, signal, cli.main, eventlog.mirror.probe.transfers as transfers
original = transfers._send_parts
async def interrupted(*arguments):
    result = await original(*arguments)
    os.kill(os.getpid(), signal.SIGINT)
    return result
transfers._send_parts = interrupted
cli.main.main(["doctor", "--online"])
"""
"""The signal arrives when objects were put and an upload is open."""


async def left_in(address: str, settings: Any) -> tuple[list[str], list[Any]]:
    """Returns the names of all objects and the open uploads of a bucket."""
    async with (
        open_store(address, settings) as store,
        open_requests(address, settings) as requests,
    ):
        assert requests is not None
        about = {"Bucket": requests.bucket, "Prefix": requests.prefix}
        uploads: Any = await requests.send("list_multipart_uploads", about, None)
        return [entry.name for entry in await listed(store)], uploads.get("Uploads", [])


def test_the_objects_and_uploads_of_an_interrupted_probing_are_deleted(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    address = f"s3://{BUCKET}/{new_name()}"
    endpoint = object_server.url()
    new_archive(
        tmp_path / "a", NO_SOURCES + f'[mirror]\nurl = "{address}"\nendpoint_url = "{endpoint}"\n'
    )
    keys = {"AWS_ACCESS_KEY_ID": "test:tester", "AWS_SECRET_ACCESS_KEY": KEYS["test:tester"]}

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path / "a",
        env=environment(**keys),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "deleting the objects of this probing; Ctrl-C again ends at once" in done.stderr
    assert "Traceback" not in done.stderr
    assert asyncio.run(left_in(address, object_server.settings())) == ([], [])
