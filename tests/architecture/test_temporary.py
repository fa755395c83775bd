"""Tests write into memory only if there is room and nobody chose another folder."""

import os
from pathlib import Path

import pytest

from tests.temporary import choose_folder


@pytest.fixture(autouse=True)
def nobody_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)


def test_memory_with_room_is_used(tmp_path: Path) -> None:
    assert choose_folder(tmp_path, room_bytes=1) == tmp_path


def test_memory_without_room_is_not_used(tmp_path: Path) -> None:
    assert choose_folder(tmp_path, room_bytes=10**18) is None


def test_memory_that_does_not_exist_is_not_used(tmp_path: Path) -> None:
    assert choose_folder(tmp_path / "missing", room_bytes=1) is None


def test_the_folder_that_tmpdir_names_is_used_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TMPDIR", str(tmp_path))

    assert choose_folder(tmp_path, room_bytes=1) is None
