"""`simulate`: prints its address on stdout and the way to crawl it on stderr."""

import io
import os
import re
import signal
import socket
import urllib.request
from threading import Thread

import pytest

from cli.program import run
from tests.cli.making import hindlog, replaced, stream


class Visitor(io.BytesIO):
    """An stdout that asks the address that is printed for a page, and then ends the server."""

    page = b""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        written = super().write(data)
        if b"\n" in data:
            Thread(target=self.visit).start()
        return written

    def visit(self) -> None:
        try:
            url = self.getvalue().decode().strip() + "/api/v1/models"
            with urllib.request.urlopen(url, timeout=60) as response:
                self.page = response.read()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def simulated(*arguments: str) -> tuple[int, Visitor, str]:
    """The exit code of a server that answers one request, its stdout and its stderr."""
    out, err = Visitor(), stream()
    text = io.TextIOWrapper(out, write_through=True)
    with replaced(stream(), text, err):
        code = run(["simulate", *arguments])
    text.detach()
    return code, out, err.buffer.getvalue().decode()  # type: ignore[attr-defined]


def test_the_address_goes_to_stdout_and_how_to_crawl_it_to_stderr() -> None:
    code, out, err = simulated("--port", "0", "--at", "2026-11-01")

    origin = out.getvalue().decode()
    assert code == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", origin)
    assert err.splitlines() == [
        "Stop with Ctrl-C. To crawl it:",
        f"  export HINDLOG_OPENROUTER_BASE_URL={origin.strip()}",
        f"  export HINDLOG_CIVITAI_BASE_URL={origin.strip()}/civitai/api/v1",
        "  hindlog fetch run --once",
    ]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--faults", "nope"), "--faults: found 'nope'"),
        (("--port", "65536"), "--port"),
        (("--at", "never"), "'never' is not a valid time"),
        (("--recordings", "no/such/folder"), "no/such/folder"),
        (("--seed", "x"), "--seed"),
    ],
)
def test_simulate_refuses_what_it_does_not_know(arguments: tuple[str, ...], word: str) -> None:
    code, out, err = simulated("--port", "0", *arguments)

    assert (code, out.getvalue()) == (2, b"")
    assert word in err


def test_seed_and_clock_decide_what_the_server_answers() -> None:
    first, other, later = (
        simulated("--port", "0", "--seed", seed, "--at", at)[1].page
        for seed, at in (("7", "2026-01-01"), ("8", "2026-01-01"), ("7", "2026-11-01"))
    )

    assert first
    assert len({first, other, later}) == 3


def test_a_port_that_is_taken_is_an_error_that_names_a_way() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hindlog("simulate", "--port", str(port))

    assert (done.code, done.raw) == (2, b"")
    assert done.err.startswith(f"hindlog: 127.0.0.1:{port}: ")
    assert done.err.endswith("  hindlog simulate --port 0 takes a free one\n")
