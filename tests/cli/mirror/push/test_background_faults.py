"""Pushing to a real bucket that goes away and comes back."""

import asyncio
from pathlib import Path

import pytest

from cli.config.settings import MirrorSettings
from cli.mirror.push import background, watching
from cli.mirror.push.background import pushing_beside
from cli.mirror.push.pushing import PushJob
from eventlog.mirror.plan.lag import mirror_lag
from tests.cli.mirror.push.test_background import Said
from tests.eventlog.mirror.buckets import add_hour, pusher_on
from tests.eventlog.stores.places import new_name
from tests.object_store.fault_proxy import Damage, FaultProxy, fault_proxy
from tests.object_store.server import BUCKET, ObjectServer


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch, object_server: ObjectServer) -> None:
    monkeypatch.setattr(watching, "WATCH_S", 0.01)
    monkeypatch.setattr(background, "RETRY_S", 0.01)
    settings = object_server.settings()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(settings.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(settings.secret_key))


def push_through(root: Path, server: ObjectServer, *faults: Damage) -> list[str]:
    """Pushes while the first connections are damaged, then while none is."""
    said = Said()

    def crawl(proxy: FaultProxy) -> None:
        mirror = MirrorSettings(url=f"s3://{BUCKET}/{new_name()}", endpoint_url=proxy.url)
        with pushing_beside(PushJob(root, mirror, pusher_on(root)), said.say):
            said.wait_for("unreachable")
            proxy.faults.clear()
            said.wait_for("pushed 1 segment")
        assert mirror_lag(root, str(mirror.url)).segments == 0

    async def proxied() -> None:
        async with fault_proxy(server.ports["http"], *faults) as proxy:
            await asyncio.to_thread(crawl, proxy)

    # signals are handled in the main thread only, and the proxy needs it
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(background, "record_signals", lambda _: None)
        asyncio.run(proxied())
    return said


@pytest.mark.slow
def test_a_bucket_that_goes_away_is_said_once_and_once_that_it_is_back(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    add_hour(tmp_path, 0)
    said = push_through(tmp_path, object_server, *[Damage(cut_up=0)] * 100)

    assert [line.split(":")[0] for line in said if line.startswith("mirror")] == [
        "mirror unreachable",
        "mirror",
    ]
    assert said[1] == "mirror: pushing works again" and len(said) == 3
