"""`repair` with a mirror: good copies come from there, and what it has is not given up."""

from pathlib import Path

import pytest

from eventlog.files.assets import put_asset
from eventlog.files.listing import list_segments
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.paths import SegmentName, asset_path, loss_path, manifest_path, sealed_path
from tests.cli.making import damage, hindlog
from tests.cli.mirror.making import mirrored_archive
from tests.eventlog.making import OTHER, SOURCE, WRITER, write_log
from tests.eventlog.mirror.buckets import Objects, add_hour, sealed_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of three hours and a segment with an asset, which were pushed to `bucket`."""
    root = mirrored_archive(tmp_path)
    for hour in range(3):
        add_hour(root, hour)
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=put_asset(root, b"large"))
    write_log(root, [[draft]], writer=OTHER)
    assert hindlog("sync", "push", at=root).code == 0
    return root


@pytest.fixture
def files(root: Path) -> Objects:
    return sealed_files(root)


@pytest.fixture
def middle(root: Path) -> SegmentName:
    return names_in(root)[1]


def names_in(root: Path) -> list[SegmentName]:
    return [listed.name for listed in list_segments(root, SOURCE, WRITER)]


def test_a_damaged_segment_is_replaced_by_its_copy_in_the_mirror(
    root: Path, files: Objects, middle: SegmentName, tmp_path: Path
) -> None:
    damage(sealed_path(root, middle))
    done = hindlog("repair", str(middle), at=root)

    address = f"file://{tmp_path}/bucket"
    assert done.err == f"{middle}: segment from {address}/log/{middle}.ndjson.zst\n"
    assert done.code == 0 and sealed_files(root) == files
    assert hindlog("verify", at=root).code == 0
    assert not list((root / "state" / "mirror").glob(".repair-*"))


def test_a_segment_without_any_file_comes_back(
    root: Path, files: Objects, middle: SegmentName
) -> None:
    sealed_path(root, middle).unlink()
    manifest_path(root, middle).unlink()
    verified = hindlog("verify", at=root)
    assert verified.code == 4
    assert "if a mirror has it: hindlog sync pull; if no copy is left: hindlog" in verified.out

    assert hindlog("repair", str(middle), at=root).code == 0
    assert sealed_files(root) == files and hindlog("verify", at=root).code == 0


@pytest.mark.parametrize("is_missing", [True, False])
def test_assets_come_back(root: Path, files: Objects, is_missing: bool) -> None:
    path = asset_path(root, next(name for name in files if name.startswith("assets"))[-64:])
    path.unlink() if is_missing else damage(path)
    [name] = {name for name in files if OTHER in name and name.endswith(".zst")}
    done = hindlog("repair", name.removeprefix("log/").removesuffix(".ndjson.zst"), at=root)

    assert done.code == 0 and ": 1 assets from file://" in done.err
    assert sealed_files(root) == files and hindlog("verify", at=root).code == 0


def test_what_the_mirror_has_is_not_accepted_as_lost(
    root: Path, files: Objects, middle: SegmentName, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed_path(root, middle).unlink()
    manifest_path(root, middle).unlink()
    named = hindlog("verify", at=root).out.split("--accept-loss ")[1].split()[0]

    refused = hindlog("repair", "--accept-loss", named, at=root)
    assert refused.code == 2 and f"not lost, the mirror has {middle}" in refused.err
    assert f"hindlog repair {middle}" in refused.err
    monkeypatch.setenv("HINDLOG_MIRROR_URL", "file:///none")
    assert hindlog("repair", "--accept-loss", named, at=root).code == 2
    assert not list(root.glob("log/*/*/*.lost.json"))
    monkeypatch.delenv("HINDLOG_MIRROR_URL")
    assert hindlog("sync", "pull", at=root).code == 0
    assert sealed_files(root) == files


def test_without_a_mirror_a_loss_is_accepted(root: Path, middle: SegmentName) -> None:
    (root / "hindlog.toml").write_text("")
    sealed_path(root, middle).unlink()

    assert hindlog("repair", "--accept-loss", str(middle), at=root).code == 0
    assert loss_path(root, middle).exists()


def test_what_the_mirror_does_not_have_is_as_without_it(root: Path, tmp_path: Path) -> None:
    name = add_hour(root, 3)
    damage(sealed_path(root, name))

    done = hindlog("repair", str(name), at=root)
    assert done.code == 4 and "no good copy of its segment found" in done.err
    assert hindlog("repair", "openrouter/2026-11-21/05-0badcafe-000", at=root).code == 6
    (tmp_path / "bucket" / "log" / f"{names_in(root)[0]}.ndjson.zst").write_bytes(b"other")
    damage(sealed_path(root, names_in(root)[0]))
    other = hindlog("repair", str(names_in(root)[0]), at=root)
    assert other.code == 4 and f"{tmp_path}/bucket/log/{names_in(root)[0]}" in other.err
