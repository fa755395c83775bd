"""Writer ids: one per role and machine, never used twice."""

from pathlib import Path

import orjson
import pytest

from eventlog.errors import Corrupt
from eventlog.files.writer_ids import (
    COMMAND,
    FETCH,
    IMPORT,
    MIRROR,
    add_writers,
    give_up_writers,
    is_of_other_folder,
    machine_name,
    machines_of,
    owner_of,
    roles_by_writer,
    writer_id,
    writers_on,
)
from tests.eventlog.making import (
    OTHER,
    WRITER,
)


def test_the_environment_decides_the_name_of_the_machine() -> None:
    assert machine_name({"HINDLOG_MACHINE": "here"}) == "here"
    assert machine_name({"HINDLOG_MACHINE": ""}) == machine_name({}) != ""


def test_a_writer_id_denotes_one_role_and_one_machine(tmp_path: Path) -> None:
    ids = {
        (machine, role): writer_id(tmp_path, role, machine)
        for machine in ("here", "there")
        for role in (FETCH, IMPORT, COMMAND)
    }

    assert len(set(ids.values())) == 6
    for (machine, role), id_ in ids.items():
        assert roles_by_writer(tmp_path)[id_] == role
        assert machines_of(tmp_path, id_) == [machine]
        assert writer_id(tmp_path, role, machine) == id_
    assert "00000000" not in roles_by_writer(tmp_path)
    assert machines_of(tmp_path, "00000000") == []


def test_a_new_id_is_valid_and_belongs_to_no_other_machine(tmp_path: Path) -> None:
    writer_id(tmp_path, FETCH, "there", lambda: WRITER)
    ids = iter([WRITER, "not hex", OTHER])

    assert writer_id(tmp_path, FETCH, "here", lambda: next(ids)) == OTHER


def test_an_unreadable_file_of_writer_ids_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "log" / "writer.json"
    path.parent.mkdir()
    for data in (b"{", b"[]", b'{"here": 1}'):
        path.write_bytes(data)
        with pytest.raises(Corrupt, match="expected writer ids by machine and role"):
            writer_id(tmp_path, FETCH, "here")


def test_each_role_of_each_machine_has_its_own_writer(tmp_path: Path) -> None:
    ids = iter(["bad", "00000001", "00000001", "00000002", "00000003"])
    make = lambda: next(ids)  # noqa: E731
    id_ = writer_id(tmp_path, "fetch", "here", make)

    assert id_ == "00000001"
    assert writer_id(tmp_path, "fetch", "here", make) == id_
    assert writer_id(tmp_path, "import", "here", make) == "00000002"
    assert writer_id(tmp_path, "fetch", "there", make) == "00000003"
    assert orjson.loads((tmp_path / "log" / "writer.json").read_bytes()) == {
        "here": {"fetch": "00000001", "import": "00000002"},
        "there": {"fetch": "00000003"},
    }


def test_writers_that_were_given_up_stay_known_and_every_role_gets_a_new_one(
    tmp_path: Path,
) -> None:
    known = {("hashed:0", FETCH, WRITER)}
    for _ in range(2):
        old = {role: writer_id(tmp_path, role, "here") for role in (FETCH, IMPORT, MIRROR)}
        known |= {("hashed:0", role, id_) for role, id_ in old.items()}
        add_writers(tmp_path, [("hashed:0", FETCH, WRITER)])
        give_up_writers(tmp_path, "here", "hashed:0")
        new = {role: writer_id(tmp_path, role, "here") for role in old}

        assert writers_on(tmp_path, "here") == set(new.values())
        assert writers_on(tmp_path, "here").isdisjoint(old.values())
        for machine, role, id_ in known:
            assert owner_of(tmp_path, id_) == (machine, role) and is_of_other_folder(tmp_path, id_)
        assert not is_of_other_folder(tmp_path, new[FETCH])


def test_writers_of_other_machines_are_added_without_changing_ours(tmp_path: Path) -> None:
    own = writer_id(tmp_path, FETCH, "here")
    path = tmp_path / "log" / "writer.json"
    others = [("hashed:0", FETCH, WRITER), ("hashed:0", FETCH, OTHER), ("hashed:0", FETCH, own)]
    add_writers(tmp_path, others)
    written = path.read_bytes()
    add_writers(tmp_path, others)

    assert path.read_bytes() == written
    assert owner_of(tmp_path, own) == ("here", FETCH)
    assert owner_of(tmp_path, WRITER) == owner_of(tmp_path, OTHER) == ("hashed:0", FETCH)
    assert machines_of(tmp_path, OTHER) == ["hashed:0"]
    assert writers_on(tmp_path, "hashed:0") == {WRITER, OTHER}
    assert writers_on(tmp_path, "there") == set()
    assert orjson.loads(written) == {
        "here": {"fetch": own},
        "hashed:0": {"fetch": [OTHER, WRITER]},
    }


def test_a_writer_that_is_added_never_becomes_the_current_one(tmp_path: Path) -> None:
    own = writer_id(tmp_path, FETCH, "here")
    add_writers(tmp_path, [("here", FETCH, OTHER)])

    assert writer_id(tmp_path, FETCH, "here") == own
    assert roles_by_writer(tmp_path)[OTHER] == FETCH
