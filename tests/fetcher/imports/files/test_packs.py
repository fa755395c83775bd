"""Packs: hard links are files; damaged packs are refused in full."""

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from eventlog.errors import HindlogError, NotFound
from fetcher.imports.files.decompress import DamagedRecording
from fetcher.imports.files.kinds import FileKind
from fetcher.imports.files.packs import list_members, read_members

PLAIN = FileKind(None, "pack")


def file(name: str, body: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(body)
    return member, body


def link(name: str, target: str, type_: bytes = tarfile.LNKTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = type_, target
    return member, b""


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as pack:
        for member, body in members:
            pack.addfile(member, io.BytesIO(body))
    return content.getvalue()


def read(
    path: Path, kind: FileKind = PLAIN, without: Sequence[str] = ()
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Returns names and bytes of the members, and the messages about others."""
    others: list[HindlogError] = []
    listed = list_members(path, "a.tar", kind, others.append)
    members = {member.number: member for member in listed if member.name not in without}
    contents = [(member.name, body) for member, body in read_members(path, "a.tar", kind, members)]
    return contents, [error.what for error in others]


def test_a_hard_link_is_a_file_with_the_bytes_it_links_to(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(
        packed(
            file("1/a", b"one"),
            file("1/b", b"two"),
            link("2/a", "1/a"),
            link("2/b", "1/b"),
            link("3/a", "2/a"),
            file("1/a", b"new"),
            link("4/a", "1/a"),
        )
    )

    contents, others = read(path)

    assert others == []
    assert contents == [
        ("1/a", b"one"),
        ("1/b", b"two"),
        ("2/a", b"one"),
        ("2/b", b"two"),
        ("3/a", b"one"),
        ("1/a", b"new"),
        ("4/a", b"new"),
    ]
    assert dict(read(path, without=("1/a", "2/a"))[0])["3/a"] == b"one"


def test_members_that_are_no_files_are_reported(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("1")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "a.tar").write_bytes(
        packed(
            (folder, b""),
            file("1/a", b"one"),
            link("s", "1/a", tarfile.SYMTYPE),
            link("h", "elsewhere"),
            link("p", "", tarfile.FIFOTYPE),
        )
    )

    contents, others = read(tmp_path / "a.tar")

    assert contents == [("1/a", b"one")]
    assert others == [
        "a.tar/s: a symbolic link to 1/a",
        "a.tar/h: a hard link to elsewhere, which is not before it in this pack",
        "a.tar/p: neither a file nor a folder",
    ]


@pytest.mark.parametrize("member", [None, "folder", "link"])
def test_a_pack_without_files_is_not_passed_over(tmp_path: Path, member: str | None) -> None:
    folder = tarfile.TarInfo("1")
    folder.type = tarfile.DIRTYPE
    members = {"folder": [(folder, b"")], "link": [link("s", "1", tarfile.SYMTYPE)]}
    (tmp_path / "a.tar").write_bytes(packed(*members.get(member or "", [])))

    with pytest.raises(NotFound, match=r"a\.tar: contains no files"):
        read(tmp_path / "a.tar")


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(packed(file("a\udcff", b"1")))

    assert read(tmp_path / "a.tar")[0] == [(r"a\xff", b"1")]


FILES = [file(f"{number}", bytes([number]) * 700) for number in range(4)]
BLOCK = 512
MEMBER = 3 * BLOCK


@pytest.mark.parametrize(
    "size", [0, 100, BLOCK, BLOCK + 100, MEMBER, MEMBER + 10, 2 * MEMBER, 4 * MEMBER]
)
def test_a_pack_that_was_cut_off_is_damaged_wherever_it_ends(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(packed(*FILES)[:size])

    with pytest.raises(DamagedRecording, match=r"^a\.tar: "):
        read(path)


def test_a_header_that_cannot_be_read_is_damage_and_not_the_end(tmp_path: Path) -> None:
    content = bytearray(packed(*FILES))
    content[2 * MEMBER + 5] ^= 0xFF
    (tmp_path / "a.tar").write_bytes(content)

    with pytest.raises(DamagedRecording, match="bad checksum"):
        read(tmp_path / "a.tar")


def test_a_pack_after_the_end_of_another_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(packed(*FILES) * 2)

    with pytest.raises(DamagedRecording, match="data after its end mark"):
        read(tmp_path / "a.tar")


def test_a_checksum_after_the_end_mark_is_checked(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(packed(*FILES)))
    content[-6] ^= 0xFF
    (tmp_path / "a.tgz").write_bytes(content)

    with pytest.raises(DamagedRecording):
        list_members(tmp_path / "a.tgz", "a.tgz", FileKind("gz", "pack"), lambda error: None)
