"""An upstream on 127.0.0.1 with responses chosen by the test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import orjson

Answer = Callable[[str, str], tuple[int, Any]]
"""Returns status and body (JSON value or bytes) for an origin, and a path with query."""


@contextmanager
def upstream(
    answer: Answer, keys: list[str] | None = None, header: str = "Authorization"
) -> Iterator[tuple[str, list[str]]]:
    """Runs a server; yields its origin, and the list of requested paths with their queries.

    `keys` collects the `Authorization` header, or another one, of each request.
    """
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            status, value = answer(f"http://{self.headers['Host']}", self.path)
            body = value if isinstance(value, bytes) else orjson.dumps(value)
            if keys is not None:
                keys.append(self.headers.get(header, ""))
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
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def models(origin: str, path: str) -> tuple[int, Any]:
    """Two pages of three models each; the second one has no next page."""
    if "page=2" in path:
        return 200, {"items": [item(number) for number in (4, 5, 6)], "metadata": {}}
    next_url = f"{origin}/models?page=2"
    return 200, {
        "items": [item(number) for number in (1, 2, 3)],
        "metadata": {"nextPage": next_url},
    }


def item(number: int) -> dict[str, Any]:
    """A model as the upstream lists it."""
    return {"id": number, "name": f"M{number}"}


def refusing(origin: str, path: str) -> tuple[int, Any]:
    """Refuses every request with 403."""
    return 403, {"error": "no"}


def half(origin: str, path: str) -> tuple[int, Any]:
    """The first page of `models`; the second one is refused."""
    return refusing(origin, path) if "page=2" in path else models(origin, path)


def toml_of(origin: str, listings: str = '["models"]', more: str = "") -> str:
    """Returns a configuration that crawls only civitai, at this origin."""
    return (
        f'[source.civitai]\nbase_url = "{origin}"\nlistings = {listings}\n'
        f"requests_per_minute = 600000\n{more}[source.openrouter]\nenabled = false\n"
    )
