"""Import of the recorded snapshots of one list, against git-history on the same commits.

Both programs read one git repository in which each commit is the next snapshot, as collectors
keep them, and both run as one process. git-history writes the rows that changed to SQLite;
hindlog writes sealed segments with every fsync, hash and roster, and every byte of every
response.

The script needs two things that are not in this repository: recordings (`HINDLOG_RECORDINGS`
names their folder) and git-history (on PATH, or named by `HINDLOG_GIT_HISTORY`). Without
recordings it prints a message and ends; without git-history it measures hindlog only.
`HINDLOG_BENCH_SNAPSHOTS` takes that many consecutive snapshots from the middle of the history,
because git-history needs about half a second for each. At the smallest size a few snapshots
come from the simulator, and git-history is not run.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import orjson
import zstandard
from measuring import IS_SMALLEST

COLLECTOR = "jvrck-openrouterlist"
TARGET = 24.0
FILE = "output.json"
Snapshot = tuple[int, bytes]
"""Unix time in seconds, and the bytes of the file."""


class Cost(NamedTuple):
    """Seconds that a program took, with the git processes that it started."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:.1f} s ({self.cpu_s:.1f} s CPU)"


def recorded_snapshots(history: Path) -> list[Snapshot]:
    """Returns every recorded snapshot, oldest first."""
    from eventlog.clock import SECOND, parse_us

    manifest = map(orjson.loads, (history / "MANIFEST.jsonl").read_bytes().splitlines())
    times = {
        entry["member"]: parse_us(entry["utc"]) // SECOND
        for entry in manifest
        if entry["source"] == COLLECTOR
    }
    snapshots = []
    for pack in (history / COLLECTOR / "packs").iterdir():
        decompressor = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        tar = io.BytesIO(decompressor.decompress(pack.read_bytes()))
        with tarfile.open(fileobj=tar) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    snapshots.append((times[member.name], file.read()))
    return sorted(snapshots)


def simulated_snapshots(count: int) -> list[Snapshot]:
    """Returns the simulator's list of models at consecutive hours."""
    from eventlog.clock import HOUR, SECOND, parse_us
    from fetcher.simulator.openrouter.shapes import model_object
    from fetcher.simulator.openrouter.world import offered
    from fetcher.simulator.world.world import World

    world, start = World(openrouter_models=10), parse_us("2026-01-01T00:00:00Z")
    snapshots = []
    for instant in range(start, start + count * HOUR, HOUR):
        models = [model_object(world, *pair, instant) for pair in offered(world, instant)]
        snapshots.append((instant // SECOND, orjson.dumps({"data": models})))
    return snapshots


def make_repository(folder: Path, snapshots: list[Snapshot]) -> None:
    """Creates a git repository with one commit per snapshot, at the snapshot's time."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    command = ["git", "-C", str(folder), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for unix_s, body in snapshots:
            process.stdin.write(b"commit refs/heads/main\ncommitter a <a@b> %d +0000\n" % unix_s)
            process.stdin.write(b"data 1\n.\nM 100644 inline %b\n" % FILE.encode())
            process.stdin.write(b"data %d\n%b\n" % (len(body), body))
        process.stdin.close()
    subprocess.run(["git", "-C", str(folder), "reset", "-q", "--hard"], check=True)


def import_file(file: str, root: str) -> None:
    """Imports in this process; prints the numbers of pages, entities and stored bodies."""
    from eventlog.clock import now_us
    from fetcher.imports.find_recordings import find_recordings
    from fetcher.imports.importer import import_recordings
    from fetcher.sources import SOURCES

    recordings = find_recordings([Path(file)], None, "git")
    source = SOURCES["openrouter"]
    report = import_recordings(Path(root), source, recordings, writer="1a2b3c4d", now=now_us)
    print(report.pages, report.entities, report.stored)


def run_hindlog(repository: Path, archive: Path) -> Cost:
    """Imports in a new process."""
    return _run([sys.executable, __file__, str(repository / FILE), str(archive)])


def run_git_history(program: str, repository: Path, database: Path) -> Cost:
    """Runs git-history."""
    command = [program, "file", str(database), str(repository / FILE), "--repo", str(repository)]
    command += ["--convert", 'json.loads(content)["data"]', "--id", "id"]
    return _run([*command, "--silent", "--ignore-duplicate-ids"])


def _run(command: list[str]) -> Cost:
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(time.monotonic() - begin, usage.ru_utime + usage.ru_stime)


def choose_snapshots() -> list[Snapshot]:
    """Returns the snapshots to import; none if there are no recordings."""
    if IS_SMALLEST:
        return simulated_snapshots(4)
    recordings = Path(os.environ.get("HINDLOG_RECORDINGS") or "recordings")
    history = recordings / "openrouter" / "history"
    if not (history / COLLECTOR / "packs").is_dir():
        return []
    snapshots = recorded_snapshots(history)
    count = int(os.environ.get("HINDLOG_BENCH_SNAPSHOTS", len(snapshots)))
    first = (len(snapshots) - count) // 2
    return snapshots[first : first + count]


def main() -> None:
    """Runs hindlog, git-history and hindlog again, so that noise affects both programs."""
    snapshots = choose_snapshots()
    if not snapshots:
        print("skipped: no recordings of jvrck/openrouterlist; HINDLOG_RECORDINGS names them")
        return
    program = os.environ.get("HINDLOG_GIT_HISTORY") or shutil.which("git-history")
    print(f"{len(snapshots):,} snapshots, {sum(len(body) for _, body in snapshots) / 1e6:,.0f} MB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = folder / "repository"
        make_repository(repository, snapshots)
        ours = [run_hindlog(repository, folder / "archive1")]
        if program is None or IS_SMALLEST:
            print(f"hindlog {ours[0]}")
            print("git-history was not run: HINDLOG_GIT_HISTORY names its program")
            return
        theirs = run_git_history(program, repository, folder / "h.db")
        ours.append(run_hindlog(repository, folder / "archive2"))
    print(f"hindlog     {ours[0]} and {ours[1]}")
    print(f"git-history {theirs}")
    ratios = [theirs[n] / ((ours[0][n] + ours[1][n]) / 2) for n in (0, 1)]
    print(f"ratio       {ratios[0]:.1f} (target {TARGET:.0f}), of CPU {ratios[1]:.1f}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import_file(*sys.argv[1:]) if len(sys.argv) > 1 else main()
