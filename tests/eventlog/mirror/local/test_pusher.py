"""The pusher of a machine: one writer id of the role `mirror`."""

from pathlib import Path

from eventlog.files.writer_ids import FETCH, MIRROR, owner_of, writer_id
from eventlog.mirror.local.pusher import local_pusher

HERE = {"HINDLOG_MACHINE": "here"}


def test_a_machine_has_one_pusher_and_gets_another_on_request(tmp_path: Path) -> None:
    fetch = writer_id(tmp_path, FETCH, "here")
    pusher = local_pusher(tmp_path, HERE)

    assert local_pusher(tmp_path, HERE) == pusher
    assert pusher.writers == {fetch, pusher.id} and pusher.host.endswith(f":{tmp_path}")
    assert owner_of(tmp_path, pusher.id) == ("here", MIRROR)
    assert local_pusher(tmp_path, {"HINDLOG_MACHINE": "there"}).id != pusher.id
    renewed = local_pusher(tmp_path, HERE, renew=True)
    assert renewed.id != pusher.id and local_pusher(tmp_path, HERE).id == renewed.id
