"""`simulate`: prints its address on stdout, and the commands that crawl it on stderr."""

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


class RequestingStream(io.BytesIO):
    """A stdout that requests a page from the printed address, then stops the server."""

    page = b""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        written = super().write(data)
        if b"\n" in data:
            Thread(target=self.send_request).start()
        return written

    def send_request(self) -> None:
        try:
            url = self.getvalue().decode().strip() + "/api/v1/models"
            with urllib.request.urlopen(url, timeout=60) as response:
                self.page = response.read()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def simulated(*arguments: str) -> tuple[int, RequestingStream, str]:
    """Runs a server for one request; returns its exit code, stdout and stderr."""
    out, err = RequestingStream(), stream()
    text = io.TextIOWrapper(out, write_through=True)
    with replaced(stream(), text, err):
        code = run(["simulate", *arguments])
    text.detach()
    return code, out, err.buffer.getvalue().decode()  # type: ignore[attr-defined]


def test_the_address_is_printed_on_stdout_and_the_commands_that_crawl_it_on_stderr() -> None:
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
    ("arguments", "message"),
    [
        (("--faults", "nope"), "--faults: found 'nope'"),
        (("--port", "65536"), "--port"),
        (("--at", "never"), "'never' is not a valid time"),
        (("--recordings", "no/such/folder"), "no/such/folder"),
        (("--seed", "x"), "--seed"),
    ],
)
def test_simulate_refuses_invalid_arguments(arguments: tuple[str, ...], message: str) -> None:
    code, out, err = simulated("--port", "0", *arguments)

    assert (code, out.getvalue()) == (2, b"")
    assert message in err


def test_seed_and_clock_determine_the_responses() -> None:
    first, other, later = (
        simulated("--port", "0", "--seed", seed, "--at", at)[1].page
        for seed, at in (("7", "2026-01-01"), ("8", "2026-01-01"), ("7", "2026-11-01"))
    )

    assert first
    assert len({first, other, later}) == 3


def test_a_port_in_use_is_an_error_with_an_alternative() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hindlog("simulate", "--port", str(port))

    assert (done.code, done.raw) == (2, b"")
    assert done.err.startswith(f"hindlog: 127.0.0.1:{port}: ")
    assert done.err.endswith("  hindlog simulate --port 0 chooses a free port\n")
