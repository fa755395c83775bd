"""Repair of segments whose assets are missing or damaged."""

from pathlib import Path

import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.repair import repair
from eventlog.errors import Corrupt
from eventlog.files.assets import put_asset
from eventlog.format.event import ENTITY, Draft
from eventlog.format.paths import SegmentName, asset_path, loss_path
from tests.eventlog.making import START, ManualClock, entity, files_of, write_log

LATER = ManualClock(START + 1)


def write_asset_log(root: Path, *, seal: bool = True) -> tuple[SegmentName, Path]:
    """Writes a segment with an event that refers to an asset; returns its name and the asset."""
    asset = put_asset(root, b"large")
    draft = Draft(kind=ENTITY, type="model", id="1", body_asset=asset)
    return write_log(root, [[draft], [entity(2)]], seal=seal), asset_path(root, asset)


@pytest.mark.parametrize("seal", [True, False])
@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_repair_names_the_asset_and_leaves_the_intact_segment(
    tmp_path: Path, seal: bool, damage: str
) -> None:
    name, asset = write_asset_log(tmp_path, seal=seal)
    if damage == "missing":
        asset.unlink()
    else:
        asset.write_bytes(b"other")
    before = files_of(tmp_path)
    with pytest.raises(Corrupt) as caught:
        repair(tmp_path, name, clock=LATER)

    step = "nothing to do: the segment is intact; but" if seal else "recovered: read "
    assert caught.value.what.startswith(f"{name}: {step}")
    assert f"but {asset}: " in caught.value.what
    assert "manifest" not in caught.value.what
    assert caught.value.hint == ("copy this asset from a mirror or a backup, then: hindlog verify")
    assert files_of(tmp_path) == before
    assert list(tmp_path.rglob(".damaged")) == []


def test_a_segment_is_not_recorded_as_lost_because_an_asset_is_missing(tmp_path: Path) -> None:
    name, asset = write_asset_log(tmp_path)
    asset.unlink()
    before = files_of(tmp_path)
    with pytest.raises(Corrupt, match=f"the segment is intact; but {asset}: missing"):
        accept_loss(tmp_path, name, clock=LATER)

    assert not loss_path(tmp_path, name).exists()
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("seal", [True, False])
def test_a_segment_with_its_assets_is_intact(tmp_path: Path, seal: bool) -> None:
    name, _ = write_asset_log(tmp_path, seal=seal)

    assert repair(tmp_path, name, clock=LATER).segment == str(name)


def test_an_open_segment_without_a_valid_line_has_no_assets(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    path = tmp_path / "log" / f"{name}.ndjson"
    path.write_bytes(b"\x00" * 30)

    assert "recovered: read 30 bytes" in repair(tmp_path, name, clock=LATER).what
