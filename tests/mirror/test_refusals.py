"""What is wrong with key, clock, bucket, quota or disk: one exit code, one clear message each.

End to end: commands, and a real S3 server or one that answers what real ones do.
"""

import asyncio
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from eventlog.stores.wrappers import RetryLimits
from tests.cli.making import Done, hindlog, new_archive
from tests.cli.mirror.making import pushed_archive
from tests.eventlog.making import OTHER, disk_with
from tests.eventlog.mirror.buckets import add_hour, sealed_files
from tests.eventlog.stores.places import new_name
from tests.object_store.canned_server import CannedResponse, canned_server, s3_error
from tests.object_store.server import BUCKET, KEYS, ObjectServer

PUSH, PULL, CHECK = ("sync", "push"), ("sync", "pull"), ("sync", "check")
LIBRARIES = re.compile(r"boto|aio|http\.client|[A-Z][a-z]+(Error|Exception)\b|Traceback|\bErrno\b")


@pytest.fixture(autouse=True)
def _short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command retries for ten minutes is given up at once."""

    def limits(*_: object, **__: object) -> RetryLimits:
        return RetryLimits(give_up_after_s=0.0)

    monkeypatch.setattr("eventlog.stores.wrappers.RetryLimits", limits)


def configured(root: Path, url: str, endpoint: str) -> Path:
    """Creates an archive with two sealed hours, whose mirror is at these addresses."""
    new_archive(root, f'[mirror]\nurl = "{url}"\nendpoint_url = "{endpoint}"\n')
    add_hour(root, 0)
    add_hour(root, 1, OTHER)
    return root


def archive_on(root: Path, server: ObjectServer, url: str | None = None) -> Path:
    return configured(root, url or f"s3://{BUCKET}/{new_name()}", server.url())


def run(root: Path, *words: str, key: str = "test:tester", secret: str | None = None) -> Done:
    """Runs a command with a key, and checks that its message is for people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", secret or KEYS.get(key, "none"))
        done = hindlog(*words, at=root)
    assert not LIBRARIES.search(done.err), done.err
    return done


def refused(done: Done, code: int, *texts: str) -> None:
    """Asserts the exit code, and that one message contains the texts."""
    assert done.code == code, done.err
    [message] = [line for line in done.err.splitlines() if line.startswith("hindlog: ")]
    for text in texts:
        assert text in done.err, done.err
    assert len(message) < 400


def test_a_key_without_delete_is_enough_for_everything(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    root = archive_on(tmp_path / "a", object_server)

    for words in (PUSH, PUSH, PULL, (*CHECK, "--heads", "--read", "1/1")):
        done = run(root, *words, key="test:pusher")
        assert done.code == 0, done.err


def test_a_key_that_only_reads_pulls_and_checks(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    root = archive_on(tmp_path / "a", object_server)
    before = sealed_files(root)

    refused(run(root, *PUSH, key="test:reader"), 5, "PutObject: 403", "This key may not do that")
    assert sealed_files(root) == before
    assert run(root, *PUSH).code == 0
    for words in (PULL, CHECK):
        assert run(root, *words, key="test:reader").code == 0


@pytest.mark.parametrize("words", [PUSH, PULL, CHECK])
def test_a_wrong_key_is_refused(
    object_server: ObjectServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    root = archive_on(tmp_path / "a", object_server)
    hint = "check the key and what it allows"

    refused(run(root, *words, secret="wrong"), 5, "403 SignatureDoesNotMatch", hint)
    refused(run(root, *words, key="nobody"), 5, ": 403 ", hint)


@pytest.mark.parametrize("words", [PUSH, PULL, CHECK])
def test_a_bucket_that_does_not_exist(
    object_server: ObjectServer, tmp_path: Path, words: tuple[str, ...]
) -> None:
    root = archive_on(tmp_path / "a", object_server, "s3://no-such-bucket/x")

    message = "s3://no-such-bucket/x/hindlog.json: the bucket does not exist"
    refused(run(root, *words), 2, message, "create the bucket, or correct mirror.url")


def test_a_wrong_clock_is_named_with_both_times(
    object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong_now(remove_tzinfo: bool = True) -> datetime:
        now = datetime.now(UTC) - timedelta(hours=2)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    monkeypatch.setattr("botocore.auth.get_current_datetime", wrong_now)
    monkeypatch.setattr(
        "eventlog.stores.s3.objects.now_us",
        lambda: int(wrong_now(remove_tzinfo=False).timestamp() * 1e6),
    )
    done = run(archive_on(tmp_path / "a", object_server), *PUSH)

    refused(done, 8, "this machine's clock says 20", ", the server's 20", "set the clock")
    assert len(set(re.findall(r"20\d\d-\S+Z", done.err))) == 2


@contextmanager
def answering(response: CannedResponse) -> Iterator[str]:
    """Runs a server in a thread: no object exists, and it answers each put. Yields its address."""
    loop, running, address = asyncio.new_event_loop(), threading.Event(), []

    async def serve() -> None:
        missing = s3_error(404, "NoSuchKey")
        async with canned_server(lambda x: response if x.method == "PUT" else missing) as server:
            address.append(server.url)
            running.set()
            await ended.wait()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    running.wait()
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    ("code", "response", "message"),
    [
        (5, s3_error(507, "InsufficientStorage", "no space"), "507 InsufficientStorage: no space"),
        (5, s3_error(403, "QuotaExceeded", "the quota is used up"), "403 QuotaExceeded: the quota"),
        (5, s3_error(402, "PaymentRequired", "pay first"), "402 PaymentRequired: pay first"),
        (7, s3_error(503, "SlowDown", "later"), "503 SlowDown: later; 1 attempts in 0 s"),
        (5, s3_error(501, "NotImplemented", "no", "<Header>If-None-Match</Header>"), "not impl"),
    ],
    ids=["507", "quota", "402", "503", "501"],
)
def test_a_quota_and_other_answers_of_the_server(
    tmp_path: Path, code: int, response: CannedResponse, message: str
) -> None:
    with answering(response) as url:
        root = configured(tmp_path / "a", "s3://archive/x", url)
        refused(run(root, *PUSH), code, message)
    assert not list((root / "state").rglob("pending.json"))


def test_a_server_that_is_not_there_is_temporary(tmp_path: Path) -> None:
    root = configured(tmp_path / "a", "s3://archive/x", "http://127.0.0.1:1")

    for words in (PUSH, PULL, CHECK):
        refused(run(root, *words), 7, "no connection to http://127.0.0.1:1", "run it again later")


def test_without_a_key_the_message_says_which_variables_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    root = configured(tmp_path / "a", "s3://archive/x", "http://127.0.0.1:1")

    done = hindlog(*PUSH, at=root)
    refused(done, 2, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    assert not LIBRARIES.search(done.err)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """An archive that was pushed to a folder."""
    return pushed_archive(tmp_path)


def test_a_pull_stops_before_the_disk_is_full(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, url = tmp_path / "new", f"file://{tmp_path}/bucket"
    with monkeypatch.context() as patch:
        patch.setattr("eventlog.mirror.pull.files.REAL", disk_with(free_bytes=lambda _: 600 << 20))
        assert hindlog("init", tmp_path / "enough", "--from", url).code == 0
        patch.setattr("eventlog.mirror.pull.files.REAL", disk_with(free_bytes=lambda _: 512 << 20))
        refused(hindlog("init", new, "--from", url), 8, f"{new}: 512 MiB free, expected at least")

    assert hindlog("verify", at=new).code == 0
    assert hindlog(*PULL, at=new).code == 0 and sealed_files(new) == sealed_files(origin)


@pytest.mark.parametrize(
    "name", [".ndjson.zst.tmp", ".manifest.json.tmp", "records.ndjson", ".ledger.json."]
)
def test_a_disk_that_is_full_in_the_middle_of_a_pull_leaves_complete_files(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    new = new_archive(tmp_path / "new", (origin / "hindlog.toml").read_text())
    real = io.open

    def full_open(path: str, mode: str = "r", *rest: object, **named: object) -> IO[bytes]:
        is_full = name in str(path) and mode in ("ab", "wb")
        return real("/dev/full" if is_full else path, mode, *rest, **named)  # type: ignore[call-overload, no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr("io.open", full_open)  # which pathlib calls
        done = hindlog(*PULL, at=new)
    refused(done, 8, f"{new}: No space left on device", "make room there, then run it again")

    assert hindlog("verify", at=new).code == 0
    assert hindlog(*PULL, at=new).code == 0 and sealed_files(new) == sealed_files(origin)
    assert not list((new / "log").rglob(".*.tmp"))
