"""Importing: the recorded snapshots of one list, against git-history on the same commits.

Both read one git repository in which each commit is the next snapshot, as collectors
keep them, and run as one process each. git-history writes SQLite rows of what changed;
we write sealed segments with every fsync, hash and roster, and every byte of every answer.

Needs two things that are not in this repository: recordings, named by HINDLOG_RECORDINGS,
and git-history, on PATH or named by HINDLOG_GIT_HISTORY. Without one of them it says so and ends.
HINDLOG_BENCH_SNAPSHOTS takes so many of them, one after the other from the middle of the
history, instead of all: git-history needs seconds for each.
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

import orjson
import zstandard

COLLECTOR = "jvrck-openrouterlist"
TARGET = 12.0
FILE = "output.json"


def snapshots(history: Path) -> list[tuple[int, bytes]]:
    """Second and bytes of every snapshot, oldest first."""
    from eventlog.clock import SECOND, parse_us

    listed = map(orjson.loads, (history / "MANIFEST.jsonl").read_bytes().splitlines())
    times = {
        each["member"]: parse_us(each["utc"]) // SECOND
        for each in listed
        if each["source"] == COLLECTOR
    }
    found = []
    for pack in (history / COLLECTOR / "packs").iterdir():
        plain = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        with tarfile.open(fileobj=io.BytesIO(plain.decompress(pack.read_bytes()))) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    found.append((times[member.name], file.read()))
    return sorted(found)


def make_repository(folder: Path, found: list[tuple[int, bytes]]) -> None:
    """A repository with one commit for each snapshot, at its time."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    command = ["git", "-C", str(folder), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for at, body in found:
            process.stdin.write(b"commit refs/heads/main\ncommitter a <a@b> %d +0000\n" % at)
            process.stdin.write(b"data 1\n.\nM 100644 inline %b\n" % FILE.encode())
            process.stdin.write(b"data %d\n%b\n" % (len(body), body))
        process.stdin.close()
    subprocess.run(["git", "-C", str(folder), "reset", "-q", "--hard"], check=True)


def take(file: str, root: str) -> None:
    """Import in this process; prints the pages taken."""
    from eventlog.clock import now_us
    from fetcher.imports.importer import import_paths
    from fetcher.sources import SOURCES

    told = import_paths(
        Path(root),
        SOURCES["openrouter"],
        [Path(file)],
        writer="1a2b3c4d",
        time_from="git",
        now=now_us,
    )
    print(told.pages, told.entities, told.stored)


def seconds(command: list[str]) -> float:
    """What a command takes."""
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main() -> None:
    """Ours, theirs, ours again: the noise of the machine meets both."""
    given = os.environ.get("HINDLOG_RECORDINGS")
    history = Path(given or "recordings") / "openrouter" / "history"
    theirs = os.environ.get("HINDLOG_GIT_HISTORY") or shutil.which("git-history")
    if not (history / COLLECTOR / "packs").is_dir():
        print("skipped: no recordings of jvrck/openrouterlist; HINDLOG_RECORDINGS names them")
        return
    found = snapshots(history)
    some = int(os.environ.get("HINDLOG_BENCH_SNAPSHOTS", len(found)))
    first = (len(found) - some) // 2
    found = found[first : first + some]
    print(f"{len(found):,} snapshots, {sum(len(body) for _, body in found) / 1e6:,.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        make_repository(repository, found)
        mine = [str(repository / FILE), folder + "/archive"]
        ours = [seconds([sys.executable, __file__, *mine[:1], mine[1] + "1"])]
        if theirs is None:
            print(f"hindlog {ours[0]:.1f} s")
            print("no git-history here: HINDLOG_GIT_HISTORY names its program")
            return
        convert = ["--convert", 'json.loads(content)["data"]', "--id", "id"]
        command = [theirs, "file", f"{folder}/h.db", str(repository / FILE), *convert]
        command += ["--repo", str(repository), "--silent", "--ignore-duplicate-ids"]
        other = seconds(command)
        ours.append(seconds([sys.executable, __file__, *mine[:1], mine[1] + "2"]))
    print(f"hindlog     {ours[0]:.1f} s and {ours[1]:.1f} s")
    print(f"git-history {other:.1f} s")
    print(f"ratio       {other / (sum(ours) / 2):.1f} (target {TARGET:.0f})")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    take(*sys.argv[1:]) if len(sys.argv) > 1 else main()
