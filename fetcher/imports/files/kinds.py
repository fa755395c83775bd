"""Kinds of files: compression and structure, by the suffixes of a name or by the content.

models.json.gz   a compressed document
dump.NDJSON      one document per line
2026.tgz         a pack: a tar file, compressed or not
"""

from pathlib import Path
from typing import Literal

import attrs
import orjson

from fetcher.imports.files.decompress import Compression, decompressed

Structure = Literal["document", "lines", "pack"]

_COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gz",
    ".zst": "zst",
    ".bz2": "bz2",
    ".xz": "xz",
}
_SHORT_SUFFIXES = {
    ".tgz": ".tar.gz",
    ".tbz": ".tar.bz2",
    ".tbz2": ".tar.bz2",
    ".txz": ".tar.xz",
    ".tzst": ".tar.zst",
}
_MAGIC: dict[bytes, Compression] = {
    b"\x1f\x8b": "gz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
}
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longest first line that is examined."""

EXPECTED_SUFFIXES = ".json, .ndjson, .jsonl or .tar, or compressed: .gz, .zst, .bz2, .xz, .tgz"


@attrs.frozen
class FileKind:
    """How a file contains its responses."""

    compression: Compression | None
    structure: Structure


def kind_of_name(name: str) -> FileKind | None:
    """Returns the kind that a name claims; None if its suffix is unknown. Ignores case."""
    stem = name.lower()
    for short, full in _SHORT_SUFFIXES.items():
        stem = stem.removesuffix(short) + full if stem.endswith(short) else stem
    suffix = Path(stem).suffix
    compression = _COMPRESSIONS.get(suffix)
    if compression is not None:
        suffix = Path(stem.removesuffix(suffix)).suffix
    if suffix == ".tar":
        return FileKind(compression, "pack")
    if suffix in (".ndjson", ".jsonl"):
        return FileKind(compression, "lines")
    return FileKind(compression, "document") if compression or suffix == ".json" else None


def kind_of_content(path: Path, name: str) -> FileKind:
    """Returns the kind of a file by its first bytes and lines.

    Raises `DamagedRecording` if it cannot be decompressed.
    """
    with path.open("rb") as raw:
        head = raw.read(8)
    compression = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    with decompressed(path, name, compression) as stream:
        head = stream.read(_TAR_MAGIC_AT + len(_TAR_MAGIC))
        if head[_TAR_MAGIC_AT:] == _TAR_MAGIC:
            return FileKind(compression, "pack")
        line, newline, rest = head.partition(b"\n")
        if not newline:
            line += stream.readline(_MAX_LINE_BYTES)
        has_more = bool(rest.strip()) or any(text.strip() for text in stream)
    return FileKind(compression, "lines" if has_more and _is_json(line) else "document")


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return False
    return True
