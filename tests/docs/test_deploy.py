"""What is deployed is correct as far as that can be seen without root: unit, image, man page."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_accepts_the_unit() -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", ROOT / "deploy/hindlog.service"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_runs_the_service_as_a_user_with_a_health_check() -> None:
    [user] = re.findall(r"^USER (\w+)$", LAST_STAGE, re.M)

    assert user not in ("root", "0") and f"--create-home {user}" in LAST_STAGE
    assert 'CMD ["hindlog", "doctor"]' in re.sub(r"HEALTHCHECK [^[]*CMD", "CMD", LAST_STAGE)
    assert 'ENTRYPOINT ["hindlog"]\nCMD ["fetch", "run"]' in LAST_STAGE  # no shell: it gets SIGTERM
    assert "STOPSIGNAL SIGTERM" in LAST_STAGE


def test_the_image_is_built_from_files_that_exist_and_are_sent() -> None:
    sent = re.findall(r"^!(.*)", (ROOT / ".dockerignore").read_text(), re.M)
    copied = {
        name
        for line in re.findall(r"^COPY (?!--)(.*)", DOCKERFILE, re.M)
        for name in line.split()[:-1]
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert copied == set(sent) and all((ROOT / name).exists() for name in sent)
    assert {*wheel["packages"], *wheel["shared-data"], "README.md", "LICENSE"} <= copied


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man")
def test_man_formats_the_manual_page_without_warnings() -> None:
    done = subprocess.run(
        ["man", "--warnings", "--encoding=utf8", "-l", ROOT / "docs/hindlog.1"],
        capture_output=True,
        text=True,
        check=False,
        env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "hindlog fetch run openrouter --once" in done.stdout
