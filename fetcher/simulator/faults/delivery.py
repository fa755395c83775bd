"""How a response is sent under a fault: bytes, announced length and pauses. Pure.

`spoil` plans the delivery; the server executes the plan.
"""

import zlib
from collections.abc import Mapping
from email.utils import formatdate
from functools import cache

import attrs
import orjson

from fetcher.simulator.faults.encodings import encode_body
from fetcher.simulator.faults.hostile_bodies import (
    contradicting_page,
    drifted_page,
    emptied_page,
    endless_page,
    hostile_page,
    odd_id_page,
    page_without_list,
    repeating_page,
    unnamed_page,
)
from fetcher.simulator.faults.plan import Fault
from fetcher.simulator.world.rhythms import SECOND
from fetcher.simulator.world.world import NO_STORE, Answer

BOMB_BYTES = 300 * 2**20
ELSEWHERE = "http://elsewhere.invalid"
BAD_HEADER = "Set-Cookie session=secret"
_LONG_COOKIE = ("Set-Cookie", "session=secret" + "x" * 20_000)


@attrs.frozen
class Sending:
    """Delivery of one response."""

    answer: Answer
    promised_bytes: int | None = None
    """Content-Length if it is wrong; the connection is then closed after the body."""
    pause_at: int | None = None
    """Number of bytes after which the server pauses."""
    pause_s: float = 0.0
    pieces: int = 1
    """Number of pieces in which the body is sent; the pause is distributed among them."""
    encoded: bool = False
    """Whether the body is already encoded, or announced as if it were."""
    encoded_body: bytes | None = None
    """What is sent in place of the body; None: the body."""
    bad_header: str | None = None
    """Line of the header that is none; most clients drop the whole response then."""


def asked_at(fault: Fault | None, now_us: int) -> int:
    """Returns the time of the response: an earlier one for the fault `stale`."""
    return now_us - int(fault.seconds * SECOND) if fault and fault.kind == "stale" else now_us


def asked_query(fault: Fault | None, query: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the query that is answered: that of the first page for the fault `endless`."""
    if fault is None or fault.kind != "endless":
        return query
    return {name: value for name, value in query.items() if name != "cursor"}


def spoil(answer: Answer, fault: Fault | None, address: str, now_us: int, origin: str) -> Sending:
    """Returns how a response is sent; without a fault complete and at once.

    Redirects point to `origin`. A response that is already an error stays as it is.
    """
    if fault is None or (answer.status != 200 and not fault.kind.isdigit()):
        return Sending(answer)
    half = len(answer.body) // 2
    match fault.kind:
        case "cut":
            shorter = attrs.evolve(answer, body=answer.body[:half])
            return Sending(shorter, promised_bytes=len(answer.body))
        case "wronglength":
            return Sending(answer, promised_bytes=max(0, len(answer.body) - 7))
        case "stall":
            return Sending(answer, pause_at=half, pause_s=fault.seconds)
        case "slow":
            return Sending(answer, pause_at=0, pause_s=fault.seconds, pieces=8)
        case "gzipbomb":
            headers = (*answer.headers, ("Content-Encoding", "gzip"))
            return Sending(attrs.evolve(answer, body=_bomb(), headers=headers), encoded=True)
        case "encoding":
            return _encoded(answer, fault.form)
        case "badheader":
            return Sending(answer, promised_bytes=len(answer.body), bad_header=BAD_HEADER)
        case _:
            return Sending(_other(answer, fault, address, now_us, origin))


def _encoded(answer: Answer, form: str) -> Sending:
    encoded_body, name = encode_body(answer.body, form)
    answer = attrs.evolve(answer, headers=(*answer.headers, ("Content-Encoding", name)))
    if form in ("br", "garbage"):  # clients can only keep these as they are
        return Sending(attrs.evolve(answer, body=encoded_body), encoded=True)
    return Sending(answer, encoded=True, encoded_body=encoded_body)


def _other(answer: Answer, fault: Fault, address: str, now_us: int, origin: str) -> Answer:
    civitai = address.startswith("/civitai/")
    match fault.kind:
        case "html":
            return attrs.evolve(_wall("Just a moment"), status=200)
        case "redirect":
            return Answer(302, b"", "text/plain", (("Location", origin + address),))
        case "cursor":
            return _error(400, "Invalid cursor: not a cursor of this feed", civitai)
        case "errorbody":
            return attrs.evolve(_error(503, "No workers are available.", civitai), status=200)
        case "stale":
            age = (("Age", str(int(fault.seconds))),)
            return attrs.evolve(answer, headers=answer.headers + age)
        case "longheader":
            return attrs.evolve(answer, headers=(*answer.headers, _LONG_COOKIE))
        case "429":
            return _limited(fault.form, now_us, civitai)
        case kind if kind.isdigit():
            return _failed(int(kind), fault.form, civitai)
        case _:
            return _amended(answer, fault)


def _amended(answer: Answer, fault: Fault) -> Answer:
    if not answer.content_type.startswith("application/json"):
        return answer
    body = answer.body
    match fault.kind:
        case "torn":
            body = body[: len(body) * 2 // 3]
        case "hostile":
            body = hostile_page(body, fault.form, fault.choice)
        case "drift":
            body = drifted_page(body, int(fault.form == "key"))
        case "repeat":
            body = repeating_page(body, fault.choice)
        case "empty":
            body = emptied_page(body)
        case "unnamed":
            body = unnamed_page(body, fault.form, fault.choice)
        case "oddid":
            body = odd_id_page(body, fault.form, fault.choice)
        case "notalist":
            body = page_without_list(body, fault.form)
        case "bom":
            body = b"\xef\xbb\xbf" + body
        case "endless":
            body = endless_page(body, fault.form, fault.choice)
        case "contradiction":
            body = contradicting_page(body, fault.form)
    return attrs.evolve(answer, body=body)


def _error(status: int, message: str, civitai: bool) -> Answer:
    value = {"error": message} if civitai else {"error": {"code": status, "message": message}}
    return Answer(status, orjson.dumps(value), headers=(("Cache-Control", NO_STORE),))


def _limited(form: str, now_us: int, civitai: bool) -> Answer:
    limited = _error(429, "Rate limit exceeded, please retry shortly.", civitai)
    later = formatdate(now_us // SECOND + 2, usegmt=True)
    retry_after = {"seconds": "1", "date": later, "negative": "-5", "days": "259200"}
    headers = limited.headers
    if form in retry_after:
        headers = (*headers, ("Retry-After", retry_after[form]))
    if not civitai:
        reset = str(now_us // 1000 + 2000)
        limits = {"Limit": "60", "Remaining": "0", "Reset": reset}
        headers = (*headers, *((f"X-RateLimit-{k}", v) for k, v in limits.items()))
    return attrs.evolve(limited, headers=headers)


def _failed(status: int, form: str, civitai: bool) -> Answer:
    if form == "html":
        return attrs.evolve(_wall(f"Error {status}"), status=status)
    messages = {404: "Resource not found", 500: "Internal Server Error", 503: "Server busy"}
    if civitai:
        messages |= {404: "Model not found", 503: "Server busy, please retry shortly."}
    failed = _error(status, messages[status], civitai)
    after = (("Retry-After", "2"),) if status == 503 else ()
    return attrs.evolve(failed, headers=failed.headers + after)


def _wall(title: str) -> Answer:
    html = (
        f'<!DOCTYPE html>\n<html lang="en-US"><head><title>{title}</title></head>'
        "<body><h1>The edge answers in place of the origin</h1>"
        "<p>Reference 8f3a0c2b1d &bull; “wait a little, then look again”</p></body></html>\n"
    )
    headers = (("Cache-Control", NO_STORE), ("CF-RAY", "8f3a0c2b1d-SIM"))
    return Answer(200, html.encode(), "text/html; charset=UTF-8", headers)


@cache
def _bomb() -> bytes:
    """Returns 300 MiB of spaces and an empty object as a gzip stream of about 300 kB.

    Flushed blocks are independent of each other: one is compressed and repeated.
    """
    piece = b" " * 2**20
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeeze.compress(piece)
    squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(piece) + squeeze.flush(zlib.Z_FULL_FLUSH)
    times, check = BOMB_BYTES // len(piece), 0
    for _ in range(times):
        check = zlib.crc32(piece, check)
    tail = squeeze.compress(b"{}") + squeeze.flush(zlib.Z_FINISH)
    check = zlib.crc32(b"{}", check)
    length = (BOMB_BYTES + 2).to_bytes(4, "little")
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    return head + block * times + tail + check.to_bytes(4, "little") + length
