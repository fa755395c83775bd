"""An upstream on 127.0.0.1 that answers what a test wants."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson

Answer = Callable[[str, str], tuple[int, Any]]
"""From the origin, and path with query, to the status and the JSON, or bytes, of an answer."""


@contextmanager
def upstream(answer: Answer, keys: list[str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """The origin of a server, and the paths and queries that it was asked for.

    `keys` gets what each request authorizes itself with.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, value = answer(f"http://{self.headers['Host']}", self.path)
            body = value if isinstance(value, bytes) else orjson.dumps(value)
            if keys is not None:
                keys.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            with suppress(ConnectionError):  # the client may have given up
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def models(origin: str, path: str) -> tuple[int, Any]:
    """Two pages of three models each, the last one without a way on."""
    if "page=2" in path:
        return 200, {"items": [item(each) for each in (4, 5, 6)], "metadata": {}}
    onward = f"{origin}/models?page=2"
    return 200, {"items": [item(each) for each in (1, 2, 3)], "metadata": {"nextPage": onward}}


def item(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"M{number}"}


def refusing(origin: str, path: str) -> tuple[int, Any]:
    return 403, {"error": "no"}


def half(origin: str, path: str) -> tuple[int, Any]:
    """The first page of `models`; the second one is refused."""
    return refusing(origin, path) if "page=2" in path else models(origin, path)


def toml_of(origin: str, listings: str = '["models"]', more: str = "") -> str:
    """A configuration in which only civitai is crawled, at an origin."""
    return (
        f'[source.civitai]\nbase_url = "{origin}"\nlistings = {listings}\n'
        f"requests_per_minute = 600000\n{more}[source.openrouter]\nenabled = false\n"
    )
