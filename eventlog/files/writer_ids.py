"""Writer ids: one per role of the archive and machine.

A writer id is 8 random hex digits. On another machine (if the archive is copied, say) new
ids are generated, so that two machines never write files of the same name. Machines of which
only a mirror knows are named by a hash, and may have had several writers of one role. So are the
former writers of a folder that was copied and became one of its own.
"""

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, make_dirs
from eventlog.files.publish import replace_durably, temporary_path
from eventlog.files.stream_lock import hold_lock
from eventlog.format.paths import is_writer

FETCH = "fetch"
IMPORT = "import"
COMMAND = "command"
MIRROR = "mirror"
"""The pusher: writes no stream, but commit records into the bucket of a mirror."""

HASHED = "hashed:"
"""Prefix of the name of a machine of which only the hash is known."""

WriterIds = dict[str, dict[str, tuple[str, ...]]]
"""Writer ids by machine and role, the current one last."""


def machine_name(env: Mapping[str, str]) -> str:
    """Returns the identity of this machine: `HINDLOG_MACHINE`, else its machine id."""
    configured = env.get("HINDLOG_MACHINE")
    if configured:
        return configured
    try:
        return Path("/etc/machine-id").read_text().strip() or platform.node()
    except OSError:
        return platform.node()


def random_writer_id() -> str:
    """Returns a random writer id."""
    return os.urandom(4).hex()


def writer_id(
    root: Path, role: str, machine: str, make: Callable[[], str] = random_writer_id
) -> str:
    """Returns the writer id of a role on a machine; generates and stores it if there is none."""
    with _locked(root) as path:
        known = _read_ids(path)
        existing = known.get(machine, {}).get(role, ())
        if existing:
            return existing[-1]
        taken = {id_ for roles in known.values() for ids in roles.values() for id_ in ids}
        new = next(id_ for id_ in iter(make, "") if is_writer(id_) and id_ not in taken)
        known.setdefault(machine, {})[role] = (new,)
        _write_ids(path, known)
        return new


def add_writers(root: Path, writers: Iterable[tuple[str, str, str]]) -> None:
    """Adds writers of other machines: (machine, role, writer). Omits writers that are known."""
    with _locked(root) as path:
        before = _read_ids(path)
        known = {machine: dict(roles) for machine, roles in before.items()}
        taken = {id_ for roles in known.values() for ids in roles.values() for id_ in ids}
        for machine, role, writer in writers:
            if writer not in taken:
                taken.add(writer)
                roles = known.setdefault(machine, {})
                roles[role] = (writer, *roles.get(role, ()))  # first: the last one is the current
        if known != before:
            _write_ids(path, known)


def give_up_writers(root: Path, machine: str, name: str) -> None:
    """Records all writers of a machine as those of another one, which is called `name`.

    So each role gets a new id when it is used next.
    """
    with _locked(root) as path:
        known = _read_ids(path)
        theirs = known.setdefault(name, {})
        for role, ids in known.pop(machine, {}).items():
            theirs[role] = (*theirs.get(role, ()), *ids)
        _write_ids(path, known)


@contextmanager
def _locked(root: Path) -> Iterator[Path]:
    """Yields the path of the file, which no other process changes meanwhile."""
    path = _path(root)
    make_dirs(REAL, path.parent)
    with hold_lock(path.with_name(".writer.lock")):
        temporary_path(path).unlink(missing_ok=True)  # left by a process that died
        yield path


def roles_by_writer(root: Path) -> dict[str, str]:
    """Returns the role of each writer of this log, by writer id."""
    known = _read_ids(_path(root))
    return {id_: role for roles in known.values() for role, ids in roles.items() for id_ in ids}


def owner_of(root: Path, writer: str) -> tuple[str | None, str | None]:
    """Returns machine and role of a writer; (None, None) if this log does not contain it."""
    for machine, roles in _read_ids(_path(root)).items():
        for role, ids in roles.items():
            if writer in ids:
                return machine, role
    return None, None


def machines_of(root: Path, writer: str) -> list[str]:
    """Returns the machines to which a writer belongs according to this log."""
    known = _read_ids(_path(root))
    return [m for m, roles in known.items() if any(writer in ids for ids in roles.values())]


def is_of_other_folder(root: Path, writer: str) -> bool:
    """Whether a writer belongs to another folder, which alone continues and seals its streams."""
    return any(machine.startswith(HASHED) for machine in machines_of(root, writer))


def writers_on(root: Path, machine: str) -> set[str]:
    """Returns all writers of a machine."""
    return {id_ for ids in _read_ids(_path(root)).get(machine, {}).values() for id_ in ids}


def _path(root: Path) -> Path:
    return root / "log" / "writer.json"


def _read_ids(path: Path) -> WriterIds:
    """Returns the writer ids. Inverse of `_write_ids`."""
    if not path.exists():
        return {}
    try:
        content = orjson.loads(path.read_bytes())
        return {
            str(machine): {str(role): _ids_of(value) for role, value in roles.items()}
            for machine, roles in content.items()
        }
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise Corrupt(f"{path}: expected writer ids by machine and role: {error}") from error


def _ids_of(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _write_ids(path: Path, known: WriterIds) -> None:
    """Replaces the file. A role with one writer has its id, one with several a list of them."""
    content = {
        machine: {role: ids[0] if len(ids) == 1 else list(ids) for role, ids in roles.items()}
        for machine, roles in known.items()
    }
    replace_durably(REAL, path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
