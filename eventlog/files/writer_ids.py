"""Writer ids: one per role of the archive and machine.

A writer id is 8 random hex digits. On another machine (if the archive is copied, say) new
ids are generated, so that two machines never write files of the same name.
"""

import fcntl
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, make_dirs
from eventlog.files.publish import replace_durably, temporary_path
from eventlog.format.paths import is_writer

FETCH = "fetch"
IMPORT = "import"
COMMAND = "command"


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
    path = root / "log" / "writer.json"
    make_dirs(REAL, path.parent)
    handle = os.open(path.with_name(".writer.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        temporary_path(path).unlink(missing_ok=True)  # left by a process that died
        known = _read_ids(path)
        existing = known.get(machine, {}).get(role)
        if existing is not None:
            return existing
        taken = {known_id for roles in known.values() for known_id in roles.values()}
        new = next(id_ for id_ in iter(make, "") if is_writer(id_) and id_ not in taken)
        known.setdefault(machine, {})[role] = new
        replace_durably(REAL, path, orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")
        return new
    finally:
        os.close(handle)


def roles_by_writer(root: Path) -> dict[str, str]:
    """Returns the role of each writer of this log, by writer id."""
    known = _read_ids(root / "log" / "writer.json")
    return {writer: role for roles in known.values() for role, writer in roles.items()}


def machines_of(root: Path, writer: str) -> list[str]:
    """Returns the machines to which a writer belongs according to this log."""
    known = _read_ids(root / "log" / "writer.json")
    return [machine for machine, roles in known.items() if writer in roles.values()]


def _read_ids(path: Path) -> dict[str, dict[str, str]]:
    """Returns the writer ids by machine and role."""
    if not path.exists():
        return {}
    try:
        content = orjson.loads(path.read_bytes())
        return {str(m): {str(r): str(w) for r, w in roles.items()} for m, roles in content.items()}
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise Corrupt(f"{path}: expected writer ids by machine and role: {error}") from error
