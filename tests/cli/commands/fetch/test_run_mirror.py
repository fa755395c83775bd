"""`fetch run` with a mirror: what is sealed is pushed, and no failure changes the crawl."""

import os
import signal
from pathlib import Path

import pytest

from cli.mirror.push import background, watching
from tests.cli.making import Done, hindlog, new_archive
from tests.cli.upstream import models, toml_of, upstream
from tests.eventlog.mirror.buckets import add_hour
from tests.object_store.server import BUCKET, ObjectServer

DONE = "civitai models: completed, 2 responses, 6 entities"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCH_S", 0.01)
    monkeypatch.setattr(watching, "REFUSED_S", 0.01)
    monkeypatch.setattr(background, "RETRY_S", 0.01)


def crawl(root: Path, mirror: str, *, signal_at: int | None = None) -> Done:
    """Crawls two pages, of an archive with a sealed hour."""

    def answer(origin: str, path: str) -> tuple[int, object]:
        if len(asked) == signal_at:
            os.kill(os.getpid(), signal.SIGINT)
        return models(origin, path)

    with upstream(answer) as (origin, asked):
        new_archive(root, f"{toml_of(origin)}[mirror]\n{mirror}\n")
        add_hour(root, 0)
        return hindlog("fetch", "run", "--once", at=root)


def test_a_sync_pushes_what_is_sealed(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    done = crawl(tmp_path / "a", f'url = "file://{tmp_path}/bucket"')

    assert done.code == 0 and DONE in done.err and "pushed 1 segment" in done.err
    assert hindlog("sync", "check", at=tmp_path / "a").code == 0
    assert hindlog("status", "--json", at=tmp_path / "a").json()["mirror"]["segments"] == 0


@pytest.mark.parametrize(
    "mirror",
    ['url = "file:///none"', 'url = "s3://b"\nendpoint_url = "http://127.0.0.1:9"'],
    ids=["no bucket", "unreachable"],
)
def test_a_mirror_that_fails_is_said_once_and_the_code_is_that_of_the_crawl(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    done = crawl(tmp_path / "a", mirror)

    lines = [line for line in done.err.splitlines() if line.startswith("mirror")]
    assert done.code == 0 and DONE in done.err and len(lines) == 2
    assert lines[1].startswith("mirror: 1 segment, ") and "not in the mirror yet" in lines[1]
    assert hindlog("status", "--json", at=tmp_path / "a").json()["mirror"]["segments"] == 1


def test_ctrl_c_ends_crawl_and_push(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    done = crawl(tmp_path / "a", f'url = "file://{tmp_path}/bucket"', signal_at=1)

    assert done.code == 130 and "stopped; what was fetched is on disk" in done.err
    assert hindlog("sync", "push", at=tmp_path / "a").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("key", ["test:tester", "test:reader", "test:nobody"])
def test_a_key_that_may_not_push_is_said_once_and_changes_nothing_of_the_crawl(
    object_server: ObjectServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    settings = object_server.settings(key=key)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(settings.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(settings.secret_key))
    address = f'url = "s3://{BUCKET}/crawl-{key[5:]}"\nendpoint_url = "{object_server.url()}"'
    done = crawl(tmp_path / "a", address)

    lines = [line for line in done.err.splitlines() if line.startswith(("mirror", "pushed"))]
    assert done.code == 0 and DONE in done.err
    if key == "test:tester":
        assert len(lines) == 1 and lines[0].startswith("pushed 1 segment")
    else:
        assert len(lines) == 2 and "403" in lines[0] and "not in the mirror yet" in lines[1]
