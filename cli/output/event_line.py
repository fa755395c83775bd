"""Events of the log, formatted for people: one line each.

    2026-11-01 13:05:09  civitai     entity     model/15003  list  2.8 kB
    2026-11-01 13:05:09  civitai     page       200  https://…/models  100 rows

Lines that are not events (of another version, or torn) are shown unchanged except for
escaped control characters; nothing is validated here. Pure.
"""

from collections.abc import Iterable, Mapping

import msgspec

from cli.output.cells import cell_width, visible

_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_COLORS = {
    "entity": "\x1b[32m",
    "page": "\x1b[36m",
    "page_failed": "\x1b[31m",
    "anomaly": "\x1b[31m",
    "gone": "\x1b[33m",
    "unlisted": "\x1b[33m",
    "back": "\x1b[32m",
    "run": "\x1b[34m",
}

StyledText = tuple[str, str]
"""Text and the escape sequence of its color; empty: no color."""


def event_line(line: bytes, color: bool, width: int) -> str:
    """Returns a readable line, without line feed, for a line of the log.

    It contains time, source, kind, type/id, shape and size; for a page status, URL and
    rows instead. Never raises and never contains a control character from the archive. A
    line longer than `width` cells is cut and ends with an ellipsis; 0: never cut.
    """
    event = _decode(line)
    if event is None:
        parts = [(line.rstrip(b"\r\n").decode("utf-8", "backslashreplace"), "")]
    else:
        parts = [(text, style) for text, style in _parts(event) if text]
    return _joined(_cut(((visible(text), style) for text, style in parts), width), color)


def _decode(line: bytes) -> Mapping[str, bytes] | None:
    # members stay bytes: only the size of a body is needed, and it may not be valid JSON
    try:
        event = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return {name: bytes(raw) for name, raw in event.items()} if "kind" in event else None


def _parts(event: Mapping[str, bytes]) -> list[StyledText]:
    kind = _text(event, "kind")
    moment = _text(event, "observed_at")[:19].replace("T", " ")
    head = [
        (moment, _DIM),
        (f"{_text(event, 'source'):<10}", ""),
        (f"{kind:<10}", _COLORS.get(kind, "")),
    ]
    if kind in ("page", "page_failed"):
        status = _text(event, "status")
        good = status.startswith(("2", "3"))
        style = "" if good else _COLORS["page_failed"]
        return [*head, (status, style), (_text(event, "url"), ""), (_rows(event), _DIM)]
    return [*head, (_subject(event), ""), (_text(event, "shape"), _DIM), (_size(event), _DIM)]


def _subject(event: Mapping[str, bytes]) -> str:
    entity = "/".join(filter(None, (_text(event, "type"), _text(event, "id"))))
    run = " ".join(filter(None, (_text(event, "run"), _text(event, "state"))))
    return entity or _text(event, "url") or run


def _text(event: Mapping[str, bytes], name: str) -> str:
    raw = event.get(name, b"null")
    if raw == b"null":
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return raw.decode("utf-8", "backslashreplace")


def _rows(event: Mapping[str, bytes]) -> str:
    try:
        arrays = msgspec.json.decode(
            event.get("roster", b"null"), type=dict[str, list[msgspec.Raw]] | None
        )
    except msgspec.MsgspecError:
        return ""
    if arrays is None:
        return ""
    count = sum(map(len, arrays.values()))
    return f"{count} row{'' if count == 1 else 's'}"


def _size(event: Mapping[str, bytes]) -> str:
    if raw := _text(event, "body_raw"):
        return _bytes(len(raw.rstrip("=")) * 3 // 4)
    body = event.get("body", b"null")
    return "" if body == b"null" else _bytes(len(body))


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _cut(parts: Iterable[StyledText], width: int) -> list[StyledText]:
    spaced = [(f"  {text}" if at else text, style) for at, (text, style) in enumerate(parts)]
    if not width or sum(cell_width(text) for text, _ in spaced) <= width:
        return spaced
    remaining = width - 1
    shown: list[StyledText] = []
    for text, style in spaced:
        kept = _fitting_start(text, remaining)
        shown.append((kept, style))
        if kept != text:
            break
        remaining -= cell_width(text)
    return [*shown, ("…", "")]


def _fitting_start(text: str, width: int) -> str:
    kept = text[:width]
    while cell_width(kept) > width:
        kept = kept[:-1]
    return kept


def _joined(parts: list[StyledText], color: bool) -> str:
    if not color:
        return "".join(text for text, _ in parts).rstrip()
    return "".join(f"{style}{text}{_RESET}" if style else text for text, style in parts)
