"""Manifests as versions wrote them that did not note the assets."""

from collections.abc import Iterable
from pathlib import Path

import attrs

from eventlog.format.manifest import digest, encode_manifest, parse_manifest, without_assets
from eventlog.format.paths import SegmentName, manifest_path


def rewrite_as_earlier(root: Path, names: Iterable[SegmentName]) -> None:
    """Rewrites manifests without the names of assets: the first links of one stream, in order."""
    previous = None
    for name in names:
        path = manifest_path(root, name)
        manifest = without_assets(parse_manifest(path.read_bytes(), str(path)))
        data = encode_manifest(attrs.evolve(manifest, previous=previous))
        path.write_bytes(data)
        previous = digest(data)
