"""Verify: read everything and check it against manifests, checksums and chains.

Changes nothing, and may run while writers write: what is sealed while it looks is no
damage.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import attrs

from eventlog.check.segment_damage import Damage, open_damage, sealed_damage
from eventlog.check.seq_gaps import SeqGap, Stretch, find_seq_gaps, loss_name
from eventlog.errors import Corrupt
from eventlog.files.heads import Head, head_written_at, read_head
from eventlog.files.listing import (
    SegmentFiles,
    known_streams,
    list_folders,
    list_losses,
    list_segments,
    read_manifest,
)
from eventlog.files.lost_segments import Loss, chain_digest, read_loss
from eventlog.files.stream_lock import is_locked, sealed_seq
from eventlog.format import manifest as manifests
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    LOST,
    OPEN,
    SegmentName,
    log_dir,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)
from eventlog.read.event_filter import Select, wants_segment
from eventlog.read.segment_lines import first_seq

_LOOKS = 3
"""So often a stream is listed again before what it lacks is damage."""
_LOOK_AGAIN_S = 0.03

__all__ = ["Damage", "VerifyResult", "verify"]


@attrs.frozen
class VerifyResult:
    """What was read."""

    segments: int
    rows: int
    raw_bytes: int
    damages: tuple[Damage, ...]


def verify(root: Path, select: Select | None = None, sample: float = 1.0) -> VerifyResult:
    """Check the log. `select`: which segments are read; `sample`: which share of the sealed ones.

    Names, manifests and chains are always all checked.
    """
    damages = list(_foreign_files(root))
    segments = rows = raw_bytes = 0
    for key in known_streams(root):
        found = _check_stream(root, key, select, sample)
        segments, rows = segments + found.segments, rows + found.rows
        raw_bytes += found.raw_bytes
        damages += found.damages
    return VerifyResult(segments, rows, raw_bytes, tuple(damages))


@attrs.frozen
class _Listed:
    """A stream as one listing has it."""

    known: list[Manifest]
    unsealed: list[SegmentName]
    damages: list[Damage]
    head: Head | None


def _check_stream(
    root: Path, key: tuple[str, str], select: Select | None, sample: float
) -> VerifyResult:
    listed = _list_stream(root, key)
    for _ in range(_LOOKS):  # segments come and go while a folder is listed
        if not listed.damages:
            break
        held = is_locked(root, *key)
        time.sleep(_LOOK_AGAIN_S if held else 0)
        listed = _list_stream(root, key)
        if not held:
            break
    known = [x for x in listed.known if select is None or wants_segment(select, x.name)]
    unsealed = [x for x in listed.unsealed if select is None or wants_segment(select, x)]
    damages = list(listed.damages)
    rows = raw_bytes = 0
    for number, manifest in enumerate(known):
        if int(number * sample) != int((number + 1) * sample):
            damages += sealed_damage(root, manifest)
        rows, raw_bytes = rows + manifest.rows, raw_bytes + manifest.raw.bytes
    for name in unsealed:
        lines, size, found = open_damage(root, name, listed.head)
        damages += found
        rows, raw_bytes = rows + lines, raw_bytes + size
    segments = len(known) + len(unsealed)
    return VerifyResult(segments, rows, raw_bytes, tuple(damages))


def _list_stream(root: Path, key: tuple[str, str]) -> _Listed:
    """What names, manifests and chain of a stream say."""
    head = read_head(root, *key)  # before the listing: what it knows of must be there
    known, unsealed, damages = _check_names(root, list_segments(root, *key))
    losses, unread = _check_losses(root, key)
    damages += unread
    damages += _check_chain(root, known, losses)
    damages += _check_holes(root, key, [*known, *losses], unsealed, head)
    return _Listed(known, unsealed, damages, head)


def _foreign_files(root: Path) -> Iterator[Damage]:
    """Files in the log that are none of ours."""
    log = log_dir(root)
    for folder in list_folders(root):
        for path in sorted((log / folder).rglob("*")):
            name = path.relative_to(log)
            hidden = any(part.startswith(".") for part in name.parts)
            if not hidden and not path.is_dir() and parse_segment(name.as_posix()) is None:
                yield Damage(name.as_posix(), "a file that is no segment")


def _check_names(
    root: Path, files: list[SegmentFiles]
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


def _check_losses(root: Path, key: tuple[str, str]) -> tuple[list[Loss], list[Damage]]:
    """What was given up, in the order of seqs; records that cannot be read."""
    losses: list[Loss] = []
    damages: list[Damage] = []
    for name in list_losses(root, *key):
        try:
            losses.append(read_loss(root, name))
        except Corrupt as error:
            damages.append(Damage(f"{name}{LOST}", error.what))
    return sorted(losses, key=lambda loss: loss.first_seq), damages


def _check_chain(root: Path, known: list[Manifest], losses: list[Loss]) -> Iterator[Damage]:
    """Each manifest names the one before, or the loss; no seq stands twice."""
    links: list[Manifest | Loss] = [*known, *losses]
    for before, after in pairwise(sorted(links, key=lambda link: link.first_seq)):
        expected = before.last_seq + 1
        if after.first_seq < expected:
            what = f"expected seq {expected} (after {before.segment}), found {after.first_seq}"
            yield Damage(after.segment, what)
        elif after.first_seq == expected and after.previous != (found := _link(root, before)):
            told = f"names a previous manifest {str(after.previous)[:16]}…"
            one, other = f"{before.segment}.manifest.json", f"{after.segment}.manifest.json"
            yield Damage(one, f"{after.segment} {told}, this one is {found[:16]}…")
            yield Damage(other, f"it {told}, that of {before.segment} is {found[:16]}…")


def _link(root: Path, link: Manifest | Loss) -> str:
    """What must be named by the manifest behind it."""
    if isinstance(link, Loss):
        return chain_digest(link)
    return manifests.digest(manifest_path(root, link.name).read_bytes())


def _check_holes(
    root: Path,
    key: tuple[str, str],
    links: Sequence[Manifest | Loss],
    unsealed: list[SegmentName],
    head: Head | None,
) -> Iterator[Damage]:
    """A stream begins with seq 1, and goes on without a hole to what its head says."""
    stretches = [Stretch(x.name, x.first_seq, x.last_seq) for x in links]
    for name in unsealed:
        first = _first(root, name)
        if first is not None:
            last = first + _rows(root, name) - 1
            stretches.append(Stretch(name, first, last, is_open=True))
    if not all(open_path(root, name).exists() for name in unsealed):
        return  # sealed meanwhile: what the listing said is over
    yield from _repeats(stretches)
    taken = {each.name for each in stretches}
    noted = head.last_seq if head and head.segment not in map(str, unsealed) else 0
    durable = max(noted, sealed_seq(root, *key))
    for hole in find_seq_gaps(stretches, durable):
        name = loss_name(hole, key, taken, head, head_written_at(root, *key))
        found = _hole_damage(hole, name)
        hint = f"if no copy is left: hindlog repair --accept-loss {name}"
        yield attrs.evolve(found, what=f"{found.what}; {hint}")


def _repeats(stretches: list[Stretch]) -> Iterator[Damage]:
    """Open segments whose seqs stand elsewhere already."""
    for before, after in pairwise(sorted(stretches, key=lambda stretch: stretch.first_seq)):
        if after.is_open and after.first_seq <= before.last_seq:
            what = f"expected seq {before.last_seq + 1}, found {after.first_seq}"
            yield Damage(f"{after.name}{OPEN}", f"{what}: these stand already", line=1, byte=0)


def _hole_damage(hole: SeqGap, name: SegmentName) -> Damage:
    first, before, after = hole.first_seq, hole.before, hole.after
    if after is None:
        what = f"seq {hole.last_seq} was durable, but the log ends with seq {first - 1}"
        return Damage(str(name), what)
    if before is None:
        what = f"begins with seq {after.first_seq}: the segments before it are missing"
        return Damage(str(after.name), what)
    found = f"expected seq {first} (after {before.name}), found {after.first_seq}"
    if not after.is_open:
        return Damage(str(after.name), found)
    return Damage(f"{after.name}{OPEN}", f"{found}: a sealed segment is missing", line=1, byte=0)


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
