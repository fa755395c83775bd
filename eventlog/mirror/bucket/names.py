"""Names of the objects of a mirror. Pure.

    hindlog.json  log/…  assets/…  mirror/<pusher>/<n>.json  mirror/<pusher>/<n>.<size>.ndjson.zst

Names are relative to the address of the store. Those of segments and assets are the paths of
their files below the archive. Law: `parse_object_name(str(name)) == name`, and
`str(parse_object_name(text)) == text` unless it is None.
"""

import re

import attrs

from eventlog.format.paths import LOSS, MANIFEST, SEALED, SegmentName, parse_segment

RECORDS = "mirror/"
"""Prefix of the records of all pushers."""
LOG = "log/"
"""Prefix of the segments of all sources."""
ASSETS = "assets/"
"""Prefix of all assets."""
ROLLUP_SIZES = (4096, 64)
"""Numbers of records in one roll-up, the largest first."""

_ASSET = re.compile(r"assets/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_RECORD = re.compile(r"mirror/([0-9a-f]{8})/(\d{10})(?:\.(4096|64)\.ndjson\.zst|\.json)")
_REDACTION = re.compile(r"\.r\d+(?=\.(?:ndjson\.zst|manifest\.json)$)")


@attrs.frozen
class ArchiveObject:
    """The object with the id of the archive."""

    def __str__(self) -> str:
        return "hindlog.json"


@attrs.frozen
class SegmentObject:
    """A file of a segment: sealed file, manifest or record of a loss."""

    segment: SegmentName
    suffix: str

    def __str__(self) -> str:
        return f"{LOG}{self.segment}{self.suffix}"


@attrs.frozen
class AssetObject:
    """The bytes that are too large for a line."""

    sha256: str

    def __str__(self) -> str:
        return f"{ASSETS}sha256/{self.sha256[:2]}/{self.sha256}"


@attrs.frozen
class RecordObject:
    """A commit record of a pusher."""

    pusher: str
    number: int

    def __str__(self) -> str:
        return f"{records_prefix(self.pusher)}{self.number:010d}.json"


@attrs.frozen
class RollUpObject:
    """The records of a pusher from `first` on, joined."""

    pusher: str
    first: int
    size: int

    def __str__(self) -> str:
        return f"{records_prefix(self.pusher)}{self.first:010d}.{self.size}.ndjson.zst"


ObjectName = ArchiveObject | SegmentObject | AssetObject | RecordObject | RollUpObject
"""The name of an object that belongs to a mirror."""


def records_prefix(pusher: str) -> str:
    """Returns the prefix of the records of a pusher."""
    return f"{RECORDS}{pusher}/"


def parse_object_name(text: str) -> ObjectName | None:
    """Parses the name of an object. None if no object of a mirror has such a name."""
    if text == str(ArchiveObject()):
        return ArchiveObject()
    if match := _ASSET.fullmatch(text):
        return AssetObject(match[2])
    if (match := _RECORD.fullmatch(text)) and text.isascii():
        pusher, number, size = match[1], int(match[2]), match[3]
        if size is None:
            return RecordObject(pusher, number)
        is_aligned = number % int(size) == 0
        return RollUpObject(pusher, number, int(size)) if is_aligned else None
    return _parse_segment_object(text)


def _parse_segment_object(text: str) -> SegmentObject | None:
    if not text.startswith(LOG) or not text.isascii():
        return None
    for suffix in (SEALED, MANIFEST, LOSS):
        stem = text.removeprefix(LOG).removesuffix(suffix)
        name = parse_segment(stem) if text.endswith(suffix) else None
        if name is not None and f"{LOG}{name}{suffix}" == text:
            return SegmentObject(name, suffix)
    return None


def redacted_name(text: str) -> SegmentObject | None:
    """Returns the file that a redaction of the reserved form replaces, or None.

    `log/…/05-1a2b3c4d-000.r1.ndjson.zst` replaces `log/…/05-1a2b3c4d-000.ndjson.zst`.
    """
    original, count = _REDACTION.subn("", text)
    return _parse_segment_object(original) if count else None
