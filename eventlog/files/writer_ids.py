"""Writers: whose streams are whose, and the lock that keeps a stream to one process.

A writer is 8 random hex digits, one per role of the archive on one machine; on
another machine (an archive that was copied, say) new ids are made, so that two
machines never write the same name. The lock is the kernel's: it goes with the
process, and its file is never removed.
"""

import fcntl
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, make_dirs, write_durable
from eventlog.format.paths import is_writer

FETCH = "fetch"
IMPORT = "import"
COMMAND = "command"


def machine_name(env: Mapping[str, str]) -> str:
    """What tells this machine from others: `HINDLOG_MACHINE`, else its own id."""
    named = env.get("HINDLOG_MACHINE")
    if named:
        return named
    try:
        return Path("/etc/machine-id").read_text().strip() or platform.node()
    except OSError:
        return platform.node()


def new_id() -> str:
    """A writer id nobody has."""
    return os.urandom(4).hex()


def writer_id(root: Path, role: str, machine: str, make: Callable[[], str] = new_id) -> str:
    """The id of a role on this machine, made and kept if there is none yet."""
    path = root / "log" / "writer.json"
    make_dirs(REAL, path.parent)
    handle = os.open(path.with_name(".writer.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        temporary = path.with_name(".writer.json.tmp")
        temporary.unlink(missing_ok=True)  # of a process that died
        known = _read(path)
        found = known.get(machine, {}).get(role)
        if found is not None:
            return found
        taken = {each for roles in known.values() for each in roles.values()}
        fresh = next(each for each in iter(make, "") if is_writer(each) and each not in taken)
        known.setdefault(machine, {})[role] = fresh
        write_durable(REAL, temporary, orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")
        REAL.rename(temporary, path)
        REAL.sync_dir(path.parent)
        return fresh
    finally:
        os.close(handle)


def role_of(root: Path, writer: str) -> str | None:
    """The role of a writer, where this log knows it."""
    known = _read(root / "log" / "writer.json")
    found = (role for roles in known.values() for role, each in roles.items() if each == writer)
    return next(found, None)


def machines_of(root: Path, writer: str) -> list[str]:
    """The machines to which this log says a writer belongs."""
    known = _read(root / "log" / "writer.json")
    return [machine for machine, roles in known.items() if writer in roles.values()]


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Machine to role to id."""
    if not path.exists():
        return {}
    try:
        found = orjson.loads(path.read_bytes())
        return {str(m): {str(r): str(w) for r, w in roles.items()} for m, roles in found.items()}
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise Corrupt(f"{path}: expected writer ids by machine and role: {error}") from error
