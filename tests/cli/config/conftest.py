"""An archive with an empty configuration file."""

from pathlib import Path

import pytest


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with an empty configuration file."""
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "hindlog.toml").write_text("")
    return folder
