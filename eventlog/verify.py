"""Verify: read everything and check it against manifests, checksums and chains.

Changes nothing, and may run while writers write: what is sealed while it looks is no
damage.
"""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import attrs

from eventlog import manifest as manifests
from eventlog.blocks import first_seq
from eventlog.damage import Damage, open_damage, sealed_damage
from eventlog.errors import Corrupt
from eventlog.manifest import Manifest
from eventlog.paths import (
    SegmentName,
    log_dir,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)
from eventlog.segments import (
    Files,
    Head,
    list_segments,
    list_sources,
    list_streams,
    read_head,
    read_manifest,
)
from eventlog.select import Select, wants_segment
from eventlog.writers import is_held

_LOOKS = 3
"""So often a stream is listed again before what it lacks is damage."""
_LOOK_AGAIN_S = 0.03

__all__ = ["Checked", "Damage", "verify"]


@attrs.frozen
class Checked:
    """What was read."""

    segments: int
    rows: int
    raw_bytes: int
    damages: tuple[Damage, ...]


def verify(root: Path, select: Select | None = None, sample: float = 1.0) -> Checked:
    """Check the log. `sample`: which share of the sealed segments is read in full.

    Names, manifests and chains are always all checked.
    """
    damages = list(_foreign_files(root))
    segments = rows = raw_bytes = 0
    for key in list_streams(root):
        found = _check_stream(root, key, select, sample)
        segments, rows = segments + found.segments, rows + found.rows
        raw_bytes += found.raw_bytes
        damages += found.damages
    return Checked(segments, rows, raw_bytes, tuple(damages))


@attrs.frozen
class _Listed:
    """A stream as one listing has it."""

    known: list[Manifest]
    unsealed: list[SegmentName]
    damages: list[Damage]
    head: Head | None


def _check_stream(
    root: Path, key: tuple[str, str], select: Select | None, sample: float
) -> Checked:
    listed = _list_stream(root, key, select)
    for _ in range(_LOOKS):  # segments come and go while a folder is listed
        if not listed.damages:
            break
        held = is_held(root, *key)
        time.sleep(_LOOK_AGAIN_S if held else 0)
        listed = _list_stream(root, key, select)
        if not held:
            break
    damages = list(listed.damages)
    rows = raw_bytes = 0
    for number, manifest in enumerate(listed.known):
        if int(number * sample) != int((number + 1) * sample):
            damages += sealed_damage(root, manifest)
        rows, raw_bytes = rows + manifest.rows, raw_bytes + manifest.raw.bytes
    for name in listed.unsealed:
        lines, size, found = open_damage(root, name, listed.head)
        damages += found
        rows, raw_bytes = rows + lines, raw_bytes + size
    segments = len(listed.known) + len(listed.unsealed)
    return Checked(segments, rows, raw_bytes, tuple(damages))


def _list_stream(root: Path, key: tuple[str, str], select: Select | None) -> _Listed:
    """What names, manifests and chain of a stream say."""
    head = read_head(root, *key)  # before the listing: what it knows of must be there
    files = list_segments(root, *key)
    wanted = [each for each in files if select is None or wants_segment(select, each.name)]
    known, unsealed, damages = _check_names(root, wanted)
    damages += _check_chain(root, known)
    if select is None:
        damages += _check_ends(root, known, unsealed, head)
    return _Listed(known, unsealed, damages, head)


def _foreign_files(root: Path) -> Iterator[Damage]:
    """Files in the log that are none of ours."""
    log = log_dir(root)
    for source in list_sources(root):
        for path in sorted((log / source).rglob("*")):
            name = path.relative_to(log)
            hidden = any(part.startswith(".") for part in name.parts)
            if not hidden and not path.is_dir() and parse_segment(name.as_posix()) is None:
                yield Damage(name.as_posix(), "a file that is no segment")


def _check_names(
    root: Path, files: list[Files]
) -> tuple[list[Manifest], list[SegmentName], list[Damage]]:
    """The manifests in the order of their seqs; open segments; files that stand alone.

    A listing is no snapshot: each name is looked at again.
    """
    known: list[Manifest] = []
    unsealed: list[SegmentName] = []
    damages: list[Damage] = []
    for name in (each.name for each in files):
        if not manifest_path(root, name).exists() and open_path(root, name).exists():
            unsealed.append(name)
        elif manifest_path(root, name).exists():
            if not sealed_path(root, name).exists():
                what = f"its segment, {name}.ndjson.zst, is missing"
                damages.append(Damage(f"{name}.manifest.json", what))
            try:
                known.append(read_manifest(root, name))
            except Corrupt as error:
                damages.append(Damage(f"{name}.manifest.json", error.what))
        elif sealed_path(root, name).exists():
            damages.append(Damage(f"{name}.ndjson.zst", "sealed, but its manifest is missing"))
    return sorted(known, key=lambda manifest: manifest.first_seq), unsealed, damages


def _check_chain(root: Path, known: list[Manifest]) -> Iterator[Damage]:
    """Each manifest names the one before; seqs go on without holes or repeats."""
    for before, after in pairwise(known):
        expected = before.last_seq + 1
        if after.first_seq != expected:
            what = f"expected seq {expected} (after {before.segment}), found {after.first_seq}"
            yield Damage(after.segment, what)
            continue
        found = manifests.digest(manifest_path(root, before.name).read_bytes())
        if after.previous != found:
            told = f"names a previous manifest {str(after.previous)[:16]}…"
            one, other = f"{before.segment}.manifest.json", f"{after.segment}.manifest.json"
            yield Damage(one, f"{after.segment} {told}, this one is {found[:16]}…")
            yield Damage(other, f"it {told}, that of {before.segment} is {found[:16]}…")


def _check_ends(
    root: Path, known: list[Manifest], unsealed: list[SegmentName], head: Head | None
) -> Iterator[Damage]:
    """A stream begins with seq 1, and goes on in its open segments to what its head says."""
    if known and (known[0].previous is not None or known[0].first_seq != 1):
        what = f"begins with seq {known[0].first_seq}: the segments before it are missing"
        yield Damage(known[0].segment, what)
    expected: int | None = known[-1].last_seq + 1 if known else 1
    firsts = [(_first(root, name), name) for name in unsealed]
    if not all(open_path(root, name).exists() for name in unsealed):
        return  # sealed meanwhile: what the listing said is over
    for first, name in sorted(firsts, key=lambda each: (each[0] is None, each[0] or 0)):
        if first is not None and expected is not None and first != expected:
            missing = "a sealed segment is missing" if first > expected else "these stand already"
            what = f"expected seq {expected}, found {first}: {missing}"
            yield Damage(f"{name}.ndjson", what, line=1, byte=0)
        expected = first + _rows(root, name) if first is not None else None
    if not unsealed and head is not None and expected is not None and head.last_seq >= expected:
        what = f"seq {head.last_seq} was durable, but the log ends with seq {expected - 1}"
        yield Damage(head.segment or "state/heads", what)


def _first(root: Path, name: SegmentName) -> int | None:
    try:
        with open_path(root, name).open("rb") as file:
            return first_seq(file)
    except FileNotFoundError:
        return None


def _rows(root: Path, name: SegmentName) -> int:
    try:
        with open_path(root, name).open("rb") as file:
            return sum(line.endswith(b"\n") for line in file)
    except FileNotFoundError:
        return 0
