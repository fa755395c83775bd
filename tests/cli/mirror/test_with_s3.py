"""`sync` and `init --from` with a bucket on a real S3 server."""

from pathlib import Path

import pytest

from tests.cli.making import hindlog, new_archive
from tests.eventlog.mirror.buckets import add_hour, sealed_files
from tests.eventlog.stores.places import BUCKET, new_name
from tests.object_store.server import ObjectServer


@pytest.mark.slow
def test_a_bucket_is_reached_with_the_configuration_and_the_environment(
    object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = object_server.settings("http")
    url = f"s3://{BUCKET}/{new_name()}/"
    monkeypatch.setenv("HINDLOG_MIRROR_ENDPOINT_URL", settings.endpoint_url or "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", settings.access_key or "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", settings.secret_key or "")
    root, new = new_archive(tmp_path / "a", f'[mirror]\nurl = "{url}"\n'), tmp_path / "new"
    add_hour(root, 0)

    assert "pushed 1 segments" in hindlog("sync", "push", at=root).err
    assert hindlog("sync", "check", "--heads", "--read", "1/1", at=root).code == 0
    assert "pulled 1 manifests and 1 files" in hindlog("init", new, "--from", url).err
    assert sealed_files(new) == sealed_files(root)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert hindlog("sync", "push", at=root).code == 5
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", settings.secret_key or "")
    (tmp_path / "b" / "log").mkdir(parents=True)
    (tmp_path / "b" / "hindlog.toml").write_text('[mirror]\nurl = "s3://no-such-bucket/x"\n')
    assert hindlog("sync", "push", at=tmp_path / "b").code == 2
