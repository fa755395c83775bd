"""`make mutants`: makes small faults, one at a time; a test should detect each.

    python -m tests.mutation --sample 200 --seed 20261129     a random sample
    python -m tests.mutation --since main                     the lines that a branch changed

The first run records in `.mutants/` which test executes which line, which takes one and a half
times as long as the whole suite; `--record` repeats it. The report is `.mutants/report.md`.
Exits with 1 if the share of detected mutants is below `--least`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation import drawing, report, trial
from tests.mutation.covering_tests import Suite, load
from tests.mutation.mutant import Mutant
from tests.mutation.recording import FOLDER_VARIABLE, SETTINGS_VARIABLE

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".mutants"
EQUIVALENT = Path(__file__).parent / "equivalent.toml"


def main() -> int:
    """Draws the mutants, tries them, writes the report."""
    options = _options()
    if options.record or not (FOLDER / "coverage").exists():
        record(FOLDER)
    suite = load(ROOT, FOLDER)
    paths = drawing.files(ROOT, options.package or drawing.PACKAGES)
    if options.since:
        drawn = drawing.since(ROOT, paths, options.since)
        drawn = drawing.thinned(drawn, options.sample, options.seed)
        title = f"changed since {options.since}"
    else:
        drawn = drawing.sample(ROOT, paths, options.sample, options.seed)
        title = f"{options.sample} at random, seed {options.seed}"
    outcomes = try_all(suite, drawn, options.jobs, options.longest)
    text = report.text(ROOT, outcomes, title)
    options.report.write_text(text)
    print(text.partition("## All")[0])
    print(f"the whole report: {options.report}")
    return int(report.score(outcomes) < options.least)


def record(folder: Path) -> None:
    """Runs the suite once and records which test executes which line, and how long it takes."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tests").mkdir(parents=True)
    settings = Path(__file__).parent / "coverage.ini"
    environment = {
        **os.environ,
        FOLDER_VARIABLE: str(folder / "tests"),
        "COVERAGE_FILE": str(folder / "coverage"),
        SETTINGS_VARIABLE: str(settings),
        "HINDLOG_TEST": "",
    }
    command = [
        *(sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "-m", "not slow"),
        *("-p", "tests.mutation.recording"),
        *("--cov", "--cov-config", str(settings), "--cov-context", "test", "--cov-report", ""),
    ]
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    subprocess.run(
        [sys.executable, "-m", "coverage", "combine", "--append", "--rcfile", str(settings)],
        cwd=ROOT, env=environment, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def try_all(
    suite: Suite, mutants: Sequence[Mutant], jobs: int, longest_s: float
) -> list[trial.Outcome]:
    """Returns the outcome of each mutant, in order; each job has its own copy of the project."""
    reasons = report.load_equivalent(EQUIVALENT)
    with tempfile.TemporaryDirectory(prefix="hindlog-mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copy = Path(folder, str(number))
            trial.copy_project(ROOT, copy)
            copies.put(copy)

        def one(mutant: Mutant) -> trial.Outcome:
            reason = reasons.get(report.key_of(ROOT, mutant))
            if reason is not None:
                return trial.Outcome(mutant, report.EQUIVALENT, reason)
            copy = copies.get()
            try:
                outcome = trial.run(suite, mutant, copy, longest_s)
            finally:
                copies.put(copy)
            print(outcome.result, report.place(mutant), outcome.by, flush=True)
            return outcome

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(one, mutants))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--sample", type=int, default=200, help="how many mutants (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    parser.add_argument("--since", help="only lines that differ from this revision")
    parser.add_argument("--package", action="append", help="only this package, repeatable")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tried at once (2)")
    parser.add_argument("--longest", type=float, default=trial.LONGEST_S,
        help="seconds of tests for one mutant at most (240)")  # fmt: skip
    parser.add_argument("--least", type=float, default=0.9, help="share to be noticed (0.9)")
    parser.add_argument("--record", action="store_true", help="record the suite anew")
    parser.add_argument("--report", type=Path, default=FOLDER / "report.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
