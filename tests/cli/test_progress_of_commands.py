"""Every command that may take seconds reports its progress, and answers SIGUSR1 meanwhile."""

import io
import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from cli.output.progress import display
from cli.program import run
from tests.cli.making import Stream, copy_archive, damage, hindlog, replaced, stream

SEGMENT = "openrouter/2026-11-01/00-0a0b0c0d-000"
STEP = re.compile(r"([\d,]+(?: of [\d,]+)? [^,]+?)(?:, .*)?")
VIEW = "openrouter.models"
ENDPOINT = ("--endpoint", "/api/v1/models")
MODELS = b'{"data": [{"id": "x/new", "name": "N", "created": 1}]}'

COMMANDS = {
    "fetch import": ("openrouter", "given", *ENDPOINT, "--observed-at", "2026-11-02T00:30Z"),
    "segment seal": ("--all",),
    "verify": (),
    "export": (VIEW, "--to", "out"),
    "sync push": (),
    "sync check": (),
    "verify --remote": (),
    "prune": ("--keep-local", "1h", "--read"),
    "sync pull": (),
    "repair": (SEGMENT,),
}
"""Commands that take seconds or longer on a large archive, in an order in which each has work."""
BUILDING = {
    "view update": (VIEW,),
    "view rebuild": (VIEW,),
    "view check": (VIEW,),
    "view diff": (VIEW, "--definition", "models.sql"),
}
"""Those that build views, which takes long also for a small archive."""
COUNTS = {
    "fetch import": "responses imported",
    "segment seal": "segments sealed",
    "verify": "segments checked",
    "view update": "row caches of openrouter checked",
    "view rebuild": "segments read",
    "view check": "views compared",
    "view diff": "segments read",
    "export": "views exported",
    "sync push": "segments pushed",
    "sync check": "objects of the bucket checked",
    "verify --remote": "objects of the bucket checked",
    "prune": "segments confirmed",
    "sync pull": "files pulled",
    "repair": "segments repaired",
}
"""What each of them counts, besides others."""


class AskingStream(Stream):
    """The stderr of a command that gets one SIGUSR1 when it has printed a line of progress."""

    was_asked = False

    def write(self, text: str) -> int:
        written = super().write(text)
        if not self.was_asked and STEP.fullmatch(text.rstrip("\n")):
            self.was_asked = True
            os.kill(os.getpid(), signal.SIGUSR1)
        return written


def asked(*words: str) -> tuple[int, list[str]]:
    """Runs a command that prints each step; returns its exit code and the lines of stderr."""
    err = AskingStream(io.BytesIO(), encoding="utf-8", write_through=True)
    with replaced(stream(), stream(), err):
        code = run(list(words))
    return code, err.buffer.getvalue().decode().splitlines()  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=[COMMANDS, pytest.param(BUILDING, marks=pytest.mark.slow)])
def results(
    shared: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, tuple[int, list[str]]]:
    """The exit code and the lines of stderr of each command, one after the other."""
    root = copy_archive(shared, tmp_path_factory.mktemp("progress") / "archive")
    (root.parent / "given").mkdir()
    (root.parent / "given" / "models.json").write_bytes(MODELS)
    definition = Path(__file__).parents[2] / "projector/projections/openrouter/models.sql"
    (root.parent / "models.sql").write_bytes(definition.read_bytes())
    (root.parent / "bucket").mkdir()
    outcomes = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(display, "_EVERY_PIPE_US", 0)
        patch.setenv("HINDLOG_MIRROR_URL", f"file://{root.parent / 'bucket'}")
        patch.chdir(root.parent)
        for name, arguments in request.param.items():
            if name == "repair":
                damage(root / "log" / f"{SEGMENT}.ndjson.zst")
            outcomes[name] = asked("-C", str(root), *name.split(), *arguments)
    return outcomes


def test_long_commands_report_their_progress_and_answer_sigusr1_with_one_line(
    results: dict[str, tuple[int, list[str]]],
) -> None:
    for name, (code, lines) in results.items():
        steps = [match[1] for line in lines if (match := STEP.fullmatch(line))]

        assert (name, code) == (name, 0), lines
        assert any(step.endswith(COUNTS[name]) for step in steps), name
        assert sorted(Counter(steps).values())[-2:] in ([1, 2], [2]), (name, steps)


def test_quiet_prints_no_progress(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "_EVERY_PIPE_US", 0)

    assert hindlog("verify", "-q", at=shared).err == ""
    assert "segments checked" in hindlog("verify", at=shared).err


def test_both_tables_name_the_same_commands() -> None:
    assert set(COUNTS) == {*COMMANDS, *BUILDING}
