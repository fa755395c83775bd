"""Recorded bodies are served by time; redirects lead to another origin."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from eventlog.clock import HOUR, parse_us
from eventlog.errors import Invalid
from fetcher.simulator.recorded import RecordedBodies, load_recordings, recorded_answer
from fetcher.simulator.world.world import Request
from tests.fetcher.importing import write_pack
from tests.fetcher.making import recordings

AT = parse_us("2026-11-21T05:00:00Z")


def models(*names: str, output: str = "text") -> bytes:
    rows = [
        {
            "id": name,
            "pricing": {},
            "context_length": 1,
            "architecture": {"output_modalities": [output]},
        }
        for name in names
    ]
    return json.dumps({"data": rows}).encode()


@pytest.fixture
def bodies(tmp_path: Path) -> RecordedBodies:
    """Two lists in a pack, one of all modalities, a bare array, and a model of Civitai."""
    packed = {"20261121T050000Z.json": models("a/1"), "20261121T060000Z.json": models("a/2")}
    write_pack(tmp_path / "2026.tar.zst", packed)
    everything = models("a/1", output="image")
    (tmp_path / "20261121T050000Z.all.json").write_bytes(everything)
    rows = [{"slug": "a/1", "permaslug": "a/1-1", "endpoint": None}]
    (tmp_path / "20261121T050000Z.catalog.json").write_text(json.dumps(rows))
    (tmp_path / "20261121T050000Z.model.json").write_text('{"id": 7, "modelVersions": []}')
    (tmp_path / "20261121T050000Z.notes.json").write_text('{"no": "answer"}')
    return load_recordings(tmp_path)


def ask(bodies: RecordedBodies, path: str, at: int = AT, **query: str) -> tuple[int, bytes]:
    answer = recorded_answer(bodies, Request(path, query), at)
    return answer.status, answer.body


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-1, None), (0, models("a/1")), (0.9, models("a/1")), (1, models("a/2")), (99, models("a/2"))],
)
def test_a_request_gets_the_last_body_not_after_the_clock(
    bodies: RecordedBodies, hours: float, expected: bytes | None
) -> None:
    status, body = ask(bodies, "/api/v1/models", AT + int(hours * HOUR))

    assert (status, body if expected else None) == (200 if expected else 404, expected)


def test_scopes_are_separate_and_bare_arrays_are_wrapped(bodies: RecordedBodies) -> None:
    everything = ask(bodies, "/api/v1/models", output_modalities="all")
    catalog = ask(bodies, "/api/frontend/v1/catalog/models")

    assert everything == (200, models("a/1", output="image"))
    assert json.loads(catalog[1])["data"][0]["slug"] == "a/1"


def test_both_upstreams_are_served_and_unknown_paths_are_not_found(bodies: RecordedBodies) -> None:
    paths = ["/civitai/api/v1/models/7", "/civitai/api/v1/models/8", "/api/v1/providers", "/x"]

    assert [ask(bodies, path)[0] for path in paths] == [200, 404, 404, 404]


def test_a_folder_without_known_responses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "20261121T050000Z.json").write_text("{}")

    with pytest.raises(Invalid, match="contains no known response"):
        load_recordings(tmp_path)


def test_the_command_serves_recordings_and_redirects_to_another_origin(tmp_path: Path) -> None:
    (tmp_path / "20261121T050000Z.json").write_bytes(models("a/1"))
    options = ["--port", "0", "--at", "2026-11-21T05:30:00Z", "--recordings", str(tmp_path)]
    command = [sys.executable, "-m", "cli.main", "simulate", *options]
    command += ["--faults", "redirect@/api/v1/models#*"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, text=True
    ) as server:
        try:
            assert server.stdout is not None
            origin = server.stdout.readline().strip()
            with urlopen(f"{origin}/api/v1/models") as answer:
                assert answer.read() == models("a/1")
                assert answer.url.startswith("http://127.0.0.1:")
                assert not answer.url.startswith(origin)
        finally:
            server.send_signal(signal.SIGTERM)


@pytest.mark.recordings
def test_a_recorded_history_is_served_by_time() -> None:
    folder = recordings() / "openrouter" / "history" / "meni432-ModelGraveyard"

    bodies = load_recordings(folder)

    lists = {
        ask(bodies, "/api/v1/models", parse_us(f"2026-{month}-01T00:00:00Z"))[1]
        for month in ("07", "08", "09")
    }
    assert len(lists) == 3
