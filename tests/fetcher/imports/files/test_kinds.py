"""Kinds of files: by the suffixes of a name, and by the content."""

import bz2
import gzip
import io
import tarfile
from pathlib import Path

import pytest

from fetcher.imports.files.kinds import FileKind, kind_of_content, kind_of_name

ROWS = b'{"id":1}\n\n{"id":2}\n'


@pytest.mark.parametrize(
    ("name", "compression", "structure"),
    [
        ("a.json", None, "document"),
        ("A.JSON", None, "document"),
        ("a.Json.GZ", "gz", "document"),
        ("a.json.bz2", "bz2", "document"),
        ("a.json.xz", "xz", "document"),
        ("a.zst", "zst", "document"),
        ("a.NDJSON", None, "lines"),
        ("a.jsonl.gz", "gz", "lines"),
        ("a.tar", None, "pack"),
        ("a.tgz", "gz", "pack"),
        ("a.TAR.GZ", "gz", "pack"),
        ("a.tbz2", "bz2", "pack"),
        ("a.tar.zst", "zst", "pack"),
        ("a.tar.json", None, "document"),
    ],
)
def test_a_name_claims_compression_and_structure(
    name: str, compression: str | None, structure: str
) -> None:
    kind = kind_of_name(name)

    assert kind is not None
    assert (kind.compression, kind.structure) == (compression, structure)


@pytest.mark.parametrize("name", ["a", "a.txt", "a.json.part", "a.zip", "json", "a.tar.part"])
def test_other_names_claim_nothing(name: str) -> None:
    assert kind_of_name(name) is None


def tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as pack:
        pack.addfile(tarfile.TarInfo("x"), io.BytesIO())
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"data":[]}', FileKind(None, "document")),
        (b'{\n"data":[]\n}\n', FileKind(None, "document")),
        (b'{"data":[]}\n\n', FileKind(None, "document")),
        (ROWS, FileKind(None, "lines")),
        (b"\xef\xbb\xbf" + ROWS, FileKind(None, "lines")),
        (b'{"id":"' + b"x" * 500 + b'"}\n' + ROWS, FileKind(None, "lines")),
        (gzip.compress(ROWS), FileKind("gz", "lines")),
        (bz2.compress(tar()), FileKind("bz2", "pack")),
        (tar(), FileKind(None, "pack")),
        (b"", FileKind(None, "document")),
    ],
)
def test_without_a_known_suffix_the_content_decides(
    tmp_path: Path, content: bytes, kind: FileKind
) -> None:
    (tmp_path / "dump").write_bytes(content)

    assert kind_of_content(tmp_path / "dump", "dump") == kind
