"""Requests beyond a store: success and refusal are both returned."""

import asyncio
from pathlib import Path

from eventlog.stores.s3.faults import Fault
from eventlog.stores.s3.requests import open_requests
from eventlog.stores.store import StoreSettings
from tests.object_store.canned_server import (
    CannedResponse,
    RecordedRequest,
    canned_server,
    s3_error,
)


def test_a_response_and_a_fault_are_returned() -> None:
    def answer(request: RecordedRequest) -> CannedResponse:
        return s3_error(403, "AccessDenied") if request.method == "DELETE" else CannedResponse(200)

    async def scenario() -> None:
        async with canned_server(answer) as server:
            settings = StoreSettings(server.url, access_key="a", secret_key="b")
            async with open_requests("s3://archive/a/b/", settings) as requests:
                assert requests is not None
                about = requests.about("log/x")
                assert about == {"Bucket": "archive", "Key": "a/b/log/x"}
                assert not isinstance(await requests.send("put_object", about, b"data"), Fault)
                fault = await requests.send("delete_object", about, None)
            assert isinstance(fault, Fault) and (fault.status, fault.code) == (403, "AccessDenied")
            assert [request.body for request in server.requests] == [b"data", b""]
            assert server.requests[0].target == "/archive/a/b/log/x"

    asyncio.run(scenario())


def test_a_bucket_may_have_no_prefix_and_a_folder_has_no_requests(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = StoreSettings("http://127.0.0.1:9", access_key="a", secret_key="b")
        async with open_requests("s3://archive", settings) as requests:
            assert requests is not None and requests.about("x")["Key"] == "x"
        async with open_requests(f"file://{tmp_path}", settings) as requests:
            assert requests is None

    asyncio.run(scenario())
