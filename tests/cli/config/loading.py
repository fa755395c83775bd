"""Loads a configuration file with a given text."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.config.load import (
    load_config,
)
from cli.config.settings import (
    Config,
)
from eventlog.errors import Invalid


def load(archive: Path, text: str, env: Mapping[str, str] | None = None) -> Config:
    """Writes `text` to the configuration file of an archive and loads it."""
    (archive / "hindlog.toml").write_text(text)
    return load_config(archive, env or {})


def refusal(archive: Path, text: str, env: Mapping[str, str] | None = None) -> Invalid:
    """Returns the error that loading `text` raises."""
    with pytest.raises(Invalid) as caught:
        load(archive, text, env)
    return caught.value
