"""Where the server cannot be installed, tests that need it are skipped, and in CI they fail."""

from pathlib import Path

import pytest

from tests.object_store.environment import has_user_attributes, install_server


def test_without_the_packages_tests_are_skipped_and_in_ci_they_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "missing.whl")

    monkeypatch.delenv("HINDLOG_SERVER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="cannot be installed"):
        install_server(tmp_path / "environment", missing)
    monkeypatch.setenv("HINDLOG_SERVER", "required")
    with pytest.raises(pytest.fail.Exception, match="cannot be installed"):
        install_server(tmp_path / "environment", missing)


def test_a_file_system_without_user_attributes_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def setxattr(*_arguments: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr("os.setxattr", setxattr)

    assert not has_user_attributes(tmp_path)
    assert list(tmp_path.iterdir()) == []
