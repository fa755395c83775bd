"""The exports in an archive that can be pushed."""

from pathlib import Path

import pytest

from eventlog.errors import Corrupt, Invalid
from eventlog.format.manifest import digest
from eventlog.mirror.exports.local_exports import find_exports, object_of, pointer_of
from tests.eventlog.mirror.exports.exporting import write_export

FILES = {"a/models.parquet": b"models", "a/b/date=1/x.parquet": b""}


def test_the_version_of_an_export_follows_from_its_manifest(tmp_path: Path) -> None:
    folder = write_export(tmp_path, "prices", FILES)
    (export,) = find_exports(tmp_path)
    manifest = (folder / "manifest.json").read_bytes()
    version = digest(manifest)[:16]

    assert (export.name, export.folder, export.manifest) == ("prices", folder, manifest)
    assert {file.path: file.bytes for file in export.files} == {
        path: len(data) for path, data in FILES.items()
    }
    assert export.size == len(manifest) + 6
    assert object_of(export, "a/models.parquet") == f"exports/prices/{version}/a/models.parquet"
    assert pointer_of("prices") == "exports/prices/manifest.json"


def test_only_complete_exports_count(tmp_path: Path) -> None:
    assert find_exports(tmp_path) == ()
    for name in ("b", "a", ".a.12.tmp"):
        write_export(tmp_path, name, FILES)
    (tmp_path / "exports" / "notes").mkdir()

    assert [export.name for export in find_exports(tmp_path)] == ["a", "b"]


def test_an_export_without_a_name_is_refused(tmp_path: Path) -> None:
    write_export(tmp_path, ".", FILES)

    with pytest.raises(Invalid, match="expected folders with exports, found an export") as refused:
        find_exports(tmp_path)
    assert "exports/NAME" in str(refused.value.hint)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"views":[{"files":[{"path":1}]}]}'])
def test_an_unreadable_manifest_is_corrupt(tmp_path: Path, data: bytes) -> None:
    path = write_export(tmp_path, "prices", FILES) / "manifest.json"
    path.write_bytes(data)

    with pytest.raises(Corrupt, match=f"{path}: expected the manifest of an export"):
        find_exports(tmp_path)


def test_no_file_of_an_export_is_outside_its_folder(tmp_path: Path) -> None:
    path = write_export(tmp_path, "prices", {"a": b"x"}) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"path":"a"', b'"path":"../../log/a"'))

    with pytest.raises(Invalid, match="has an empty part, or one that is"):
        find_exports(tmp_path)
