"""`simulate`: prints its address on stdout and the way to crawl it on stderr."""

import io
import os
import re
import signal
import socket

import pytest

from cli.program import run
from tests.cli.making import hindlog, replaced, stream


class Visitor(io.BytesIO):
    """An stdout that ends the server once its address is printed."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        written = super().write(data)
        if b"\n" in data:
            os.kill(os.getpid(), signal.SIGTERM)
        return written


def test_the_address_goes_to_stdout_and_how_to_crawl_it_to_stderr() -> None:
    out, err = Visitor(), stream()
    text = io.TextIOWrapper(out, write_through=True)
    with replaced(stream(), text, err):
        code = run(["simulate", "--port", "0", "--at", "2026-11-01"])

    origin = out.getvalue().decode()
    assert code == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", origin)
    lines = err.buffer.getvalue().decode().splitlines()  # type: ignore[attr-defined]
    assert lines == [
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
        (("--at", "never"), "'never' is no time"),
        (("--recordings", "no/such/folder"), "no/such/folder"),
        (("--seed", "x"), "--seed"),
    ],
)
def test_simulate_refuses_what_it_does_not_know(arguments: tuple[str, ...], word: str) -> None:
    done = hindlog("simulate", *arguments)

    assert (done.code, done.raw) == (2, b"")
    assert word in done.err


def test_a_port_that_is_taken_is_an_error_that_names_a_way() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hindlog("simulate", "--port", str(port))

    assert (done.code, done.raw) == (2, b"")
    assert done.err.startswith(f"hindlog: 127.0.0.1:{port}: ")
    assert done.err.endswith("  hindlog simulate --port 0 takes a free one\n")
