"""The pusher of a machine: one writer id of the role `mirror`."""

from pathlib import Path

import pytest

from eventlog.errors import Locked
from eventlog.files.writer_ids import FETCH, MIRROR, owner_of, writer_id
from eventlog.mirror.local.pusher import local_pusher, separate_from_origin
from eventlog.write.writer import close_stream
from tests.eventlog.making import OTHER, SOURCE, ManualClock, entity, opened, put, write_log

HERE = {"HINDLOG_MACHINE": "here"}


def test_a_machine_has_one_pusher(tmp_path: Path) -> None:
    fetch = writer_id(tmp_path, FETCH, "here")
    pusher = local_pusher(tmp_path, HERE)

    assert local_pusher(tmp_path, HERE) == pusher
    assert pusher.writers == {fetch, pusher.id} and pusher.host.endswith(f":{tmp_path}")
    assert owner_of(tmp_path, pusher.id) == ("here", MIRROR)
    assert local_pusher(tmp_path, {"HINDLOG_MACHINE": "there"}).id != pusher.id


def test_a_separated_folder_has_new_writers_and_names_what_stays_open(tmp_path: Path) -> None:
    fetch = writer_id(tmp_path, FETCH, "here")
    before = local_pusher(tmp_path, HERE)
    write_log(tmp_path, [[entity(1)]], writer=fetch)
    left = write_log(tmp_path, [[entity(2)]], writer=fetch, seal=False)
    write_log(tmp_path, [[entity(3)]], writer=OTHER, seal=False)

    assert separate_from_origin(tmp_path, HERE) == [left]
    after = local_pusher(tmp_path, HERE)
    assert after.id != before.id and after.writers == {after.id}
    assert writer_id(tmp_path, FETCH, "here") != fetch


def test_a_folder_in_which_a_process_writes_is_not_separated(tmp_path: Path) -> None:
    fetch = writer_id(tmp_path, FETCH, "here")
    stream = opened(tmp_path, ManualClock(), writer=fetch)
    put(stream, entity(1))

    with pytest.raises(Locked, match=f"a process writes the stream {SOURCE}, {fetch}"):
        separate_from_origin(tmp_path, HERE)
    close_stream(stream)
    assert writer_id(tmp_path, FETCH, "here") == fetch
