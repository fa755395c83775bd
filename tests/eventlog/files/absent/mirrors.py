"""A mirror in memory as readers use it, which records its requests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from eventlog.errors import NotFound
from eventlog.files.absent.mirror import MirrorReader, WantedFile, reading_from_mirrors
from eventlog.format.manifest import digest


@attrs.define
class MirrorInMemory:
    """Objects by name, and what was asked for."""

    objects: dict[str, bytes]
    cache_bytes: int = 1 << 30
    committed: int = 1 << 40
    """Seq up to which every stream is committed."""
    requests: list[str] = attrs.field(factory=list)
    messages: list[str] = attrs.field(factory=list)
    before: Callable[[str], None] = lambda _name: None
    """Called with the name before each request."""

    def reader(self) -> MirrorReader:
        return MirrorReader(
            address="memory://x",
            is_committed=lambda _source, _writer, seq: seq <= self.committed,
            size_of=self._size_of,
            get_file=self._get_file,
            get_range=lambda name, offset, size: self._ask(name)[offset : offset + size],
            cache_bytes=self.cache_bytes,
            report=self.messages.append,
        )

    def _ask(self, name: str) -> bytes:
        self.requests.append(name)
        self.before(name)
        if name not in self.objects:
            raise NotFound(f"memory://x/{name}: no object has this name")
        return self.objects[name]

    def _size_of(self, name: str) -> int | None:
        return len(self.objects[name]) if name in self.objects else None

    def _get_file(self, wanted: WantedFile, path: Path) -> None:
        data = self._ask(wanted.name)
        assert (len(data), digest(data)) == (wanted.size, wanted.sha256)
        path.write_bytes(data)


@contextmanager
def mirrored(mirror: MirrorInMemory) -> Iterator[MirrorReader]:
    """Lets readers of every archive use the mirror."""
    reader = mirror.reader()
    with reading_from_mirrors(lambda _root: reader):
        yield reader


def move_to_mirror(root: Path, *names: str) -> MirrorInMemory:
    """Removes sealed files and assets, all or those named, and returns a mirror with them."""
    objects = {}
    for path in [*(root / "log").rglob("*.zst"), *(root / "assets").rglob("*")]:
        name = path.relative_to(root).as_posix()
        if path.is_file() and (not names or name in names):
            objects[name] = path.read_bytes()
            path.unlink()
    return MirrorInMemory(objects)


def cached_files(root: Path) -> dict[str, int]:
    """Returns the complete files of the cache, with their sizes."""
    folder = root / "cache"
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    }
