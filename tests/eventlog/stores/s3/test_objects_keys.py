"""Keys, clock and bucket that are wrong, against the real server: one error each."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.output.exit_codes import exit_code
from eventlog.clock import HOUR, MINUTE, parse_us
from eventlog.errors import HindlogError, Invalid, LocalResource, Refused
from eventlog.stores.store import Store
from eventlog.stores.transfer import PART_BYTES, upload_of_bytes
from tests.eventlog.stores.places import Place, names_in, new_name
from tests.object_store.server import BUCKET, ObjectServer

SMALL, LARGE = upload_of_bytes(b"x"), upload_of_bytes(b"x" * (PART_BYTES + 1))


def failures(
    server: ObjectServer, address: str, calls: list[Any], **settings: Any
) -> list[HindlogError]:
    """Returns the error of each call on a store."""

    async def scenario(store: Store) -> list[HindlogError]:
        errors = []
        for call in calls:
            with pytest.raises(HindlogError) as error:
                await call(store)
            errors.append(error.value)
        return errors

    return Place(address, server.settings(**settings)).run(scenario)


def put(store: Store) -> Any:
    return store.put_new("a", SMALL)


CALLS = [put, names_in, lambda store: store.get("a", None), lambda store: store.delete("a")]


def test_a_key_without_delete_puts_and_reads(object_server: ObjectServer) -> None:
    async def scenario(store: Store) -> None:
        assert await put(store)
        assert await store.put_new("large", LARGE)
        assert not await put(store)
        assert await store.get("a", None) == b"x"
        assert await names_in(store) == ["a", "large"]
        with pytest.raises(Refused, match="DeleteObject: 403 AccessDenied"):
            await store.delete("a")
        assert await store.head("a") is not None

    settings = object_server.settings(key="test:pusher")
    Place(f"s3://{BUCKET}/{new_name()}", settings).run(scenario)


def test_a_key_that_only_reads_cannot_put(object_server: ObjectServer) -> None:
    address = f"s3://{BUCKET}/{new_name()}"
    calls = [put, lambda store: store.put_new("a", LARGE)]
    for error in failures(object_server, address, calls, key="test:reader"):
        assert isinstance(error, Refused)
        assert exit_code(error) == 5
        assert "This key may not do that" in error.what
    assert Place(address, object_server.settings(key="test:reader")).run(names_in) == []


@pytest.mark.parametrize(
    "settings", [{"secret_key": "wrong"}, {"key": "nobody"}], ids=["secret", "key"]
)
def test_a_wrong_key_is_refused_with_the_servers_message(
    object_server: ObjectServer, settings: dict[str, str]
) -> None:
    for error in failures(object_server, f"s3://{BUCKET}/{new_name()}", CALLS, **settings):
        assert isinstance(error, Refused)
        assert exit_code(error) == 5
        assert "403 SignatureDoesNotMatch: The request signature" in error.what or (
            "403 InvalidAccessKeyId: The AWS Access Key Id" in error.what
        )


def test_a_missing_bucket_is_a_wrong_setting(object_server: ObjectServer) -> None:
    for error in failures(object_server, "s3://no-such-bucket/prefix", CALLS):
        assert isinstance(error, Invalid)
        assert exit_code(error) == 2
        assert "the bucket does not exist" in error.what


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_wrong_clock_is_named_with_both_times(
    object_server: ObjectServer, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong_now(remove_tzinfo: bool = True) -> datetime:
        now = datetime.now(UTC) + timedelta(hours=hours)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    monkeypatch.setattr("botocore.auth.get_current_datetime", wrong_now)
    monkeypatch.setattr(
        "eventlog.stores.s3.objects.now_us",
        lambda: int(wrong_now(remove_tzinfo=False).timestamp() * 1e6),
    )
    calls = [*CALLS, lambda store: store.head("a")]
    for error in failures(object_server, f"s3://{BUCKET}/{new_name()}", calls):
        assert isinstance(error, LocalResource)
        assert exit_code(error) == 8
        ours, servers = (parse_us(text) for text in re.findall(r"20\d\d-\S+Z", error.what))
        assert abs(ours - servers - hours * HOUR) < MINUTE * 10
