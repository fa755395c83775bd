"""Packs: the files in a tar file, hard links included, in the order of the pack.

    list_members ──(which, at what time)──> read_members

A pack is a stream, so a hard link cannot be followed back: the content that later members
link to is kept in memory while it is read. A pack that does not end with the end mark of
tar, or that has a header which cannot be read, is damaged; tarfile ends there without an error.
"""

import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

import attrs

from eventlog.errors import Invalid, NotFound
from fetcher.imports.files.decompress import DAMAGE_HINT, DamagedRecording, decompressed
from fetcher.imports.files.kinds import FileKind

_CHUNK_BYTES = 1024 * 1024


@attrs.frozen
class PackMember:
    """A file in a pack."""

    number: int
    """Position in the pack, folders and other members included."""
    name: str
    mtime: float
    """Seconds since 1970."""
    source: int
    """Number of the member that contains the bytes: of a hard link, the one it links to."""


OnOther = Callable[[Invalid], None]
"""Called for each member that is neither a file nor a folder."""


def readable_name(name: str) -> str:
    """Returns a file name as valid Unicode; bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def list_members(path: Path, name: str, kind: FileKind, on_other: OnOther) -> list[PackMember]:
    """Returns the files in a pack, at least one.

    Raises `DamagedRecording` if it cannot be read in full, `NotFound` if it has no files.
    """
    members: list[PackMember] = []
    sources: dict[str, int] = {}
    with _opened(path, name, kind) as pack:
        for number, member in enumerate(pack):
            if member.isdir():
                continue
            member_name = readable_name(member.name)
            source = sources.get(member.linkname) if member.islnk() else number
            if source is None or not (member.isreg() or member.islnk()):
                on_other(Invalid(f"{name}/{member_name}: {_describe(member)}"))
                continue
            sources[member.name] = source
            members.append(PackMember(number, member_name, member.mtime, source))
    if not members:
        raise NotFound(f"{name}: contains no files")
    return members


def _describe(member: tarfile.TarInfo) -> str:
    """Returns why a member is not read."""
    target = readable_name(member.linkname)
    if member.islnk():
        return f"a hard link to {target}, which is not before it in this pack"
    return f"a symbolic link to {target}" if member.issym() else "neither a file nor a folder"


def read_members(
    path: Path, name: str, kind: FileKind, members: Mapping[int, PackMember]
) -> Iterator[tuple[PackMember, bytes]]:
    """Yields the given members, by number, with their bytes, in the order of the pack."""
    links = Counter(member.source for member in members.values() if member.source != member.number)
    contents: dict[int, bytes] = {}
    with _opened(path, name, kind) as pack:
        for number, tar_member in enumerate(pack):
            member = members.get(number)
            if tar_member.isreg() and (member is not None or number in links):
                content = pack.extractfile(tar_member)
                assert content is not None
                contents[number] = content.read()
            if member is None:
                continue
            yield member, contents[member.source]
            links[member.source] -= member.source != number
            if links[member.source] <= 0:
                del contents[member.source]


@contextmanager
def _opened(path: Path, name: str, kind: FileKind) -> Iterator[tarfile.TarFile]:
    """Yields a tar file; at the end, reads what follows its end mark."""
    try:
        with (
            decompressed(path, name, kind.compression) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictHeader) as pack,
        ):
            yield pack
            _check_end(pack.fileobj)  # type: ignore[arg-type]
    except tarfile.TarError as error:
        raise DamagedRecording(f"{name}: not a complete tar file: {error}", DAMAGE_HINT) from error


def _check_end(stream: IO[bytes]) -> None:
    """Raises `ReadError` if anything but zeros follows; reads up to the end of the file."""
    while chunk := stream.read(_CHUNK_BYTES):
        if chunk.strip(b"\0"):
            raise tarfile.ReadError("data after its end mark")


class _StrictHeader(tarfile.TarInfo):
    """Header of a member; one that cannot be read is an error, not the end of the pack."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # the end mark
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error
