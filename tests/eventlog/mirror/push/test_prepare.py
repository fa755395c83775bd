"""Preparing a link: its segment and its assets are read and compared before anything is sent."""

from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt, NotFound
from eventlog.files.assets import put_asset
from eventlog.files.writer_ids import IMPORT, add_writers, writer_id
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.manifest import encode_manifest, parse_manifest
from eventlog.format.paths import asset_path, manifest_path, sealed_path
from eventlog.mirror.bucket.digits import hash_machine
from eventlog.mirror.plan.unpushed import find_unpushed
from eventlog.mirror.push.prepare import prepare_link
from tests.eventlog.earlier_manifests import rewrite_as_earlier
from tests.eventlog.making import WRITER, entity, write_log


@pytest.mark.parametrize("is_earlier", [False, True], ids=["manifest", "lines"])
def test_a_prepared_link_names_owner_and_assets(tmp_path: Path, is_earlier: bool) -> None:
    sha256 = put_asset(tmp_path, b"large")
    drafts = [Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)] * 2
    writer = writer_id(tmp_path, IMPORT, "here")
    name = write_log(tmp_path, [drafts], writer=writer)
    if is_earlier:
        rewrite_as_earlier(tmp_path, [name])
    [unpushed] = find_unpushed(tmp_path, {}).links

    prepared = prepare_link(tmp_path, unpushed)

    assert prepared.link.file == manifest_path(tmp_path, name).read_text()
    assert (prepared.link.role, prepared.link.machine) == (IMPORT, hash_machine("here"))
    assert prepared.assets == ((sha256, 5),)
    path = sealed_path(tmp_path, name)
    good = path.read_bytes()
    for damaged in (good + b"x", good[:-1], good[:-1] + bytes([good[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(Corrupt):
            prepare_link(tmp_path, unpushed)
    path.write_bytes(good)
    asset_path(tmp_path, sha256).unlink()
    with pytest.raises(NotFound, match="missing, but an event refers to it"):
        prepare_link(tmp_path, unpushed)


def test_a_machine_of_which_only_the_hash_is_known_keeps_it(tmp_path: Path) -> None:
    add_writers(tmp_path, [("hashed:0011223344556677", IMPORT, WRITER)])
    write_log(tmp_path, [[Draft(kind=ANOMALY, members={"reason": "x"})]])
    [unpushed] = find_unpushed(tmp_path, {}).links

    link = prepare_link(tmp_path, unpushed).link
    assert (link.role, link.machine) == (IMPORT, "0011223344556677")


def test_the_lines_are_not_read_if_the_manifest_notes_the_assets(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])
    [unpushed] = find_unpushed(tmp_path, {}).links
    path = manifest_path(tmp_path, name)
    manifest = parse_manifest(path.read_bytes(), "here")
    frames = (attrs.evolve(manifest.frames[0], raw_bytes=1),)
    raw = attrs.evolve(manifest.raw, bytes=1)
    path.write_bytes(encode_manifest(attrs.evolve(manifest, frames=frames, raw=raw)))

    assert prepare_link(tmp_path, unpushed).assets == ()
