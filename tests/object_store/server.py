"""A real S3 server on free ports of 127.0.0.1, with HTTP and HTTPS: Swift with R2's rules.

    with running_server(folder) as server:
        open_store("s3://archive/prefix", server.settings())

All processes that share a folder share its server: the first starts it, and it ends when none of
them uses it any more (`serve.py`). After `kill -9`, the next start has the same ports and data.
"""

import asyncio
import contextlib
import fcntl
import json
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aioboto3
import attrs
from botocore.exceptions import BotoCoreError, ClientError

from eventlog.stores.store import StoreSettings
from tests.object_store.environment import HERE, server_python

BUCKET = "archive"
SERVICES = ("account", "container", "object", "http", "https")
KEYS = {
    "test:tester": "secret-of-tester",
    "test:pusher": "secret-of-pusher",
    "test:reader": "secret-of-reader",
    "test:pruner": "secret-of-pruner",
}
"""The keys with their secrets. The pusher cannot delete, the reader cannot write, the pruner cannot
delete below log/, mirror/ and assets/."""
START_S = 90
"""How long a start may take on a busy machine; one second on an idle one."""


@attrs.frozen
class ObjectServer:
    """A running server."""

    folder: Path
    ports: dict[str, int]

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def settings(
        self, scheme: str = "http", key: str = "test:tester", **changes: object
    ) -> StoreSettings:
        """Returns how to reach the server; `changes` are other fields of the settings."""
        return StoreSettings(
            **{
                "endpoint_url": self.url(scheme),
                "access_key": key,
                "secret_key": KEYS.get(key, "none"),
                "certificates": self.folder / "certificate.pem" if scheme == "https" else None,
                **changes,
            }
        )


@contextmanager
def running_server(folder: Path) -> Iterator[ObjectServer]:
    """Starts the server of a folder unless it runs, and uses it until the end."""
    folder.mkdir(exist_ok=True)
    with (folder / "users").open("a") as users, contextlib.ExitStack() as stack:
        with (folder / ".start").open("w") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            server = ObjectServer(folder, _ports(folder))
            if not _answers(server):
                process = start_process(folder)
                stack.callback(process.wait)  # of our own children none is left behind
                wait_until_ready(server, process)
        try:
            yield server
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)


def list_names(server: ObjectServer, names: Iterable[str]) -> None:
    """Adds names to the listing of the bucket, without objects: faster than putting them."""
    command = [server_python(), HERE / "list_names.py", server.folder]
    subprocess.run(command, input="\n".join(names), text=True, check=True)


def start_process(folder: Path) -> subprocess.Popen[bytes]:
    """Starts the process of a folder whose `server.json` exists."""
    with (folder / "log").open("ab") as log:
        command = [server_python(), "-W", "ignore", HERE / "serve.py", folder]
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def wait_until_ready(server: ObjectServer, process: subprocess.Popen[bytes]) -> None:
    """Waits until the bucket exists, which needs all services."""
    until = time.monotonic() + START_S
    while not _answers(server):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"{server.folder}: no answer\n{_log_of(server.folder)}")
        time.sleep(0.05)


def _ports(folder: Path) -> dict[str, int]:
    """Returns the ports of a folder, by service. The first call chooses free ones."""
    path = folder / "server.json"
    if not path.exists():
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in SERVICES]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            ports = {name: s.getsockname()[1] for name, s in zip(SERVICES, sockets, strict=True)}
        path.write_text(json.dumps({"ports": ports, "keys": KEYS, "region": "auto"}))
    ports_in_file: dict[str, int] = json.loads(path.read_text())["ports"]
    return ports_in_file


def _answers(server: ObjectServer) -> bool:
    with contextlib.suppress(OSError):
        for scheme in ("https", "http"):
            socket.create_connection(("127.0.0.1", server.ports[scheme]), timeout=5).close()
        return asyncio.run(_create_bucket(server))
    return False


async def _create_bucket(server: ObjectServer) -> bool:
    session = aioboto3.Session("test:tester", KEYS["test:tester"], region_name="auto")
    async with session.client("s3", endpoint_url=server.url()) as client:
        try:
            await client.create_bucket(Bucket=BUCKET)
        except ClientError as error:
            return "BucketAlready" in error.response["Error"]["Code"]
        except BotoCoreError:
            return False
    return True


def _log_of(folder: Path) -> str:
    return (folder / "log").read_text()[-3000:]
