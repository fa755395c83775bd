"""How a bucket's responses end for the caller: settled, temporary, refused, or a wrong setting."""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import attrs
import pytest

from eventlog.errors import (
    Corrupt,
    HindlogError,
    Invalid,
    LocalResource,
    NotFound,
    Refused,
    Unavailable,
)
from eventlog.stores.opening import open_store
from eventlog.stores.store import Conflict, Store, StoreSettings
from eventlog.stores.transfer import PART_BYTES, upload_of_bytes
from tests.eventlog.stores.places import names_in, wanted
from tests.object_store.canned_server import (
    CannedResponse,
    RecordedRequest,
    canned_server,
    s3_error,
)

T = TypeVar("T")
OURS = b"our bytes"
UPLOAD = upload_of_bytes(OURS)
Answers = dict[str, CannedResponse | list[CannedResponse]]
"""By method; of a list, each request gets the next one."""


@attrs.define
class CannedBucket:
    """A store whose server answers what a test wants. It stays open: that costs a tenth of a
    second each time."""

    store: Store
    runner: asyncio.Runner
    requests: list[RecordedRequest]
    answers: Answers

    def run(
        self, answers: Answers, scenario: Callable[[Store], Awaitable[T]]
    ) -> tuple[T, list[str]]:
        """Returns the result of a scenario, and the methods of its requests."""
        self.answers.clear()
        self.answers.update(answers)
        self.requests.clear()

        async def run() -> T:
            return await scenario(self.store)

        result = self.runner.run(run())
        return result, [request.method for request in self.requests]


@pytest.fixture(scope="module")
def canned() -> Iterator[CannedBucket]:
    answers: Answers = {}

    def answer(request: RecordedRequest) -> CannedResponse:
        response = answers[request.method]
        return response.pop(0) if isinstance(response, list) else response

    with asyncio.Runner() as runner:
        opening = canned_server(answer)
        server = runner.run(opening.__aenter__())
        settings = StoreSettings(server.url, access_key="a", secret_key="b", stalled_s=20)
        store_opening = open_store("s3://archive", settings)
        store = runner.run(store_opening.__aenter__())
        yield CannedBucket(store, runner, server.requests, answers)
        runner.run(store_opening.__aexit__(None, None, None))
        runner.run(opening.__aexit__(None, None, None))


def put(store: Store) -> Awaitable[bool]:
    return store.put_new("a", UPLOAD)


def get(store: Store) -> Awaitable[bytes]:
    return store.get("a", None)


def stored(data: bytes, sha256: str | None = None) -> CannedResponse:
    """Returns the response to a GET or HEAD of an object; '' is no metadata."""
    actual = hashlib.sha256(data).hexdigest() if sha256 is None else sha256
    metadata = {"x-amz-meta-sha256": actual} if actual else {}
    return CannedResponse(200, data, {"ETag": '"e"', **metadata})


TAKEN = [
    s3_error(412, "PreconditionFailed"),
    s3_error(403, "ObjectLockedByBucketPolicy"),
    CannedResponse(412),
]


@pytest.mark.parametrize("taken", TAKEN, ids=["condition", "lock", "no body"])
def test_a_taken_name_is_ours_if_size_and_sha256_are(
    canned: CannedBucket, taken: CannedResponse
) -> None:
    assert canned.run({"PUT": taken, "HEAD": stored(OURS)}, put) == (False, ["PUT", "HEAD"])


@pytest.mark.parametrize("taken", TAKEN, ids=["condition", "lock", "no body"])
@pytest.mark.parametrize("theirs", [b"other", b"OUR BYTES"], ids=["size", "bytes"])
def test_a_taken_name_with_other_bytes_is_a_conflict(
    canned: CannedBucket, taken: CannedResponse, theirs: bytes
) -> None:
    with pytest.raises(Conflict, match="s3://archive/a: other bytes have this name"):
        canned.run({"PUT": taken, "HEAD": stored(theirs)}, put)


def test_an_object_without_our_metadata_is_read_to_be_compared(canned: CannedBucket) -> None:
    there = stored(OURS, sha256="")
    answers: Answers = {"PUT": TAKEN[0], "HEAD": there, "GET": there}

    assert canned.run(answers, put) == (False, ["PUT", "HEAD", "GET"])
    with pytest.raises(Conflict):
        canned.run({**answers, "GET": stored(b"OUR BYTES", sha256="")}, put)
    with pytest.raises(Conflict):
        canned.run({**answers, "HEAD": stored(b"other", sha256="")}, put)


def test_a_name_that_was_taken_and_is_free_again_is_tried_later(canned: CannedBucket) -> None:
    with pytest.raises(Unavailable, match="is gone"):
        canned.run({"PUT": TAKEN[0], "HEAD": CannedResponse(404)}, put)


def test_a_lock_without_an_object_refuses(canned: CannedBucket) -> None:
    lock = s3_error(403, "ObjectLockedByBucketPolicy", "the prefix is locked")

    with pytest.raises(Refused, match="the prefix is locked"):
        canned.run({"PUT": lock, "HEAD": CannedResponse(404)}, put)


def test_a_large_object_that_is_there_is_not_sent(canned: CannedBucket) -> None:
    data = b"x" * (PART_BYTES + 1)
    upload = upload_of_bytes(data)
    head = CannedResponse(
        200,
        headers={
            "ETag": '"e-2"',
            "x-amz-meta-sha256": upload.sha256,
            "Content-Length": str(len(data)),
        },
    )

    assert canned.run({"HEAD": head}, lambda store: store.put_new("a", upload)) == (False, ["HEAD"])


@pytest.mark.parametrize(
    ("response", "kind", "text"),
    [
        (s3_error(503, "SlowDown", "slow down"), Unavailable, "PutObject: 503 SlowDown: slow down"),
        (s3_error(429, "TooManyRequests"), Unavailable, "429 TooManyRequests"),
        (s3_error(409, "ConditionalRequestConflict"), Unavailable, "409"),
        (s3_error(400, "BadDigest"), Unavailable, "400 BadDigest"),
        (s3_error(400, "IncompleteBody"), Unavailable, "400 IncompleteBody"),
        (CannedResponse(502, b"<html>Bad gateway</html>"), Unavailable, "502"),
        (CannedResponse(500, b"<Error><Cod"), Unavailable, "PutObject"),
        (s3_error(401, "Unauthorized", "no"), Refused, "401 Unauthorized: no"),
        (s3_error(403, "AccessDenied", "not you"), Refused, "403 AccessDenied: not you"),
        (s3_error(402, "PaymentRequired", "pay"), Refused, "402 PaymentRequired: pay"),
        (s3_error(507, "InsufficientStorage", "full"), Refused, "507"),
        (s3_error(403, "QuotaExceeded", "9 GB of 9"), Refused, "QuotaExceeded: 9 GB of 9"),
        (
            s3_error(501, "NotImplemented", "no", "<Header>If-None-Match</Header>"),
            Refused,
            "does not implement If-None-Match",
        ),
        (s3_error(404, "NoSuchBucket"), Invalid, "s3://archive/a: the bucket does not exist"),
        (s3_error(308, "Moved", "elsewhere"), Invalid, "elsewhere"),
        (
            CannedResponse(
                403,
                s3_error(403, "RequestTimeTooSkewed").body,
                {"Date": "Sat, 01 Jan 2000 00:00:00 GMT"},
            ),
            LocalResource,
            "the server's 2000-01-01T00:00:00Z",
        ),
    ],
)
def test_a_put_that_fails_says_what_to_do(
    canned: CannedBucket, response: CannedResponse, kind: type[HindlogError], text: str
) -> None:
    with pytest.raises(kind) as error:
        canned.run({"PUT": response}, put)

    assert text in error.value.what
    assert error.value.what.startswith("s3://archive/a")


def test_a_response_that_cannot_be_parsed_is_temporary(canned: CannedBucket) -> None:
    for call in (names_in, lambda store: store.folders("")):
        with pytest.raises(Unavailable, match="s3://archive: ListObjectsV2"):
            canned.run({"GET": CannedResponse(200, b"<ListBucketResult><Conten")}, call)


def test_a_server_that_is_not_there_is_temporary() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    settings = StoreSettings(f"http://127.0.0.1:{port}", access_key="a", secret_key="b")

    async def scenario() -> None:
        async with open_store("s3://archive", settings) as store:
            await get(store)

    with pytest.raises(Unavailable, match=f"no connection to http://127.0.0.1:{port}$"):
        asyncio.run(scenario())


def test_a_missing_key_is_an_error_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")

    async def scenario() -> None:
        async with open_store("s3://archive", StoreSettings("http://127.0.0.1:1")) as store:
            await get(store)

    with pytest.raises(Invalid, match="redentials") as error:
        asyncio.run(scenario())
    assert "AWS_ACCESS_KEY_ID" in (error.value.hint or "")


def test_bytes_that_were_damaged_on_the_way_are_read_again(canned: CannedBucket) -> None:
    right = hashlib.sha256(OURS).hexdigest()
    damaged = stored(b"our bytez", right)

    assert canned.run({"GET": [damaged, stored(OURS)]}, get) == (OURS, ["GET", "GET"])
    with pytest.raises(Corrupt, match=f"its metadata says SHA-256 {right}"):
        canned.run({"GET": damaged}, get)


def test_a_missing_object_is_not_found(canned: CannedBucket) -> None:
    with pytest.raises(NotFound, match="s3://archive/a: no object has this name"):
        canned.run({"GET": s3_error(404, "NoSuchKey")}, get)


def test_an_object_that_changes_while_it_is_read_is_corrupt(tmp_path: Path) -> None:
    data = b"x" * 600_000
    path = tmp_path / "file"

    def answer(request: RecordedRequest) -> CannedResponse:
        if "range" in request.headers:
            assert request.headers["if-match"] == '"e"'
            return s3_error(412, "PreconditionFailed")
        return CannedResponse(
            200, data[:-1], {"ETag": '"e"', "Content-Length": str(len(data)), "Connection": "close"}
        )

    async def scenario() -> None:
        async with canned_server(answer) as server:
            settings = StoreSettings(server.url, access_key="a", secret_key="b")
            async with open_store("s3://archive", settings) as store:
                await store.get_to_file("a", wanted(path, data))

    with pytest.raises(Corrupt, match="it changed while it was read"):
        asyncio.run(scenario())
