"""Reads a segment that is to be pushed, and checks it: only what is intact leaves the folder."""

from pathlib import Path

import attrs

from eventlog.errors import Corrupt, NotFound
from eventlog.files.writer_ids import HASHED, owner_of
from eventlog.format.frames import decompress
from eventlog.format.manifest import Manifest, digest_of, parse_manifest
from eventlog.format.named_assets import named_assets
from eventlog.format.paths import asset_path, loss_path, manifest_path, sealed_path
from eventlog.mirror.bucket.chain import LinkFacts, known_link_facts, link_facts
from eventlog.mirror.bucket.digits import hash_machine
from eventlog.mirror.bucket.record import LOST_LINK, SEALED_LINK, Link
from eventlog.mirror.plan.push_plan import Unpushed
from eventlog.stores.transfer import hash_file


@attrs.frozen
class PreparedLink:
    """A link with everything that is put before its record."""

    link: Link
    facts: LinkFacts
    manifest: Manifest | None
    """None for a loss."""
    assets: tuple[tuple[str, int], ...]
    """SHA-256 and size of the assets that its events name."""
    parts: tuple[str, ...] = ()
    """SHA-256 of each part in which its sealed file is sent; none if it is sent as a whole."""


def prepare_link(root: Path, unpushed: Unpushed) -> PreparedLink:
    """Returns a link, after reading its segment and its assets completely.

    Raises `Corrupt` or `NotFound` if any of them is damaged or missing.
    """
    role, machine = _owner(root, unpushed.name.writer)
    if unpushed.is_lost:
        path = loss_path(root, unpushed.name)
        link = Link(LOST_LINK, role, machine, _text_of(path))
        return PreparedLink(link, link_facts(link, str(path)), None, ())
    path = manifest_path(root, unpushed.name)
    link = Link(SEALED_LINK, role, machine, _text_of(path))
    manifest = parse_manifest(link.file.encode(), str(path))
    if manifest.segment != str(unpushed.name):
        raise Corrupt(f"{path}: expected the manifest of {unpushed.name}, found {manifest.segment}")
    parts = _check_sealed(sealed_path(root, manifest.name), manifest)
    names = manifest.assets
    if names is None:
        names = _named_by_lines(sealed_path(root, manifest.name), manifest)
    assets = tuple((sha256, _check_asset(root, sha256)) for sha256 in names)
    return PreparedLink(link, known_link_facts(link), manifest, assets, parts)


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise Corrupt(f"{path}: expected UTF-8: {error}", "hindlog verify") from error


def _owner(root: Path, writer: str) -> tuple[str | None, str | None]:
    """Returns role and hashed machine of a writer, each None if it is not known."""
    machine, role = owner_of(root, writer)
    if machine is None:
        return None, None
    return role, machine.removeprefix(HASHED) if machine.startswith(HASHED) else hash_machine(
        machine
    )


def _check_sealed(path: Path, manifest: Manifest) -> tuple[str, ...]:
    """Reads a sealed file and compares it with its manifest. Returns the SHA-256 of its parts."""
    file, zst = hash_file(path), manifest.zst
    if (file.size, file.sha256) != (zst.bytes, zst.sha256):
        raise Corrupt(
            f"{path}: expected {zst.bytes} bytes with SHA-256 {zst.sha256[:16]}…,"
            f" found {file.size} with {file.sha256[:16]}…",
            "hindlog verify",
        )
    return file.parts


def _named_by_lines(path: Path, manifest: Manifest) -> tuple[str, ...]:
    """Returns the assets that the lines of an intact sealed file name, sorted.

    Only manifests of earlier versions need this: it takes longer than everything else.
    """
    names: set[str] = set()
    with path.open("rb") as file:
        for frame in manifest.frames:
            names |= named_assets(decompress(file.read(frame.bytes), frame.raw_bytes))
    return tuple(sorted(names))


def _check_asset(root: Path, sha256: str) -> int:
    """Returns the size of an asset, after reading it."""
    path = asset_path(root, sha256)
    try:
        actual = digest_of(path)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: missing, but an event refers to it") from error
    if actual != sha256:
        raise Corrupt(f"{path}: expected SHA-256 {sha256[:16]}…, found {actual[:16]}…")
    return path.stat().st_size
