"""`doctor`: checks the installation and the archive."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from cli.commands.archive.doctor_of_crawls import (
    check_crawls,
    check_disk,
    check_upstreams,
    check_views_lag,
)
from cli.options.global_options import archive, config, global_options
from cli.output.counts import count_of

_MISFITS = "misfits"
"""Name under which the misfits of intact views are kept."""

Diagnosis = tuple[str, str, str | None]
"""Level (OK, WARN or FAIL; - for what does not apply), observation, and the command that repairs
it, if there is one."""


@click.command(
    epilog="Example: hindlog doctor",
    short_help="Checks the installation and the archive.",
)
@click.option(
    "--online",
    is_flag=True,
    help="Also ask each source once, and probe the mirror: about 30 requests, 16 MB sent.",
)
@global_options
def doctor(online: bool) -> int:
    """Checks the installation and the archive.

    Prints OK, WARN or FAIL for each check, with the command that repairs it. Exits with 1 if
    a check fails. Of the log, a few segments are read; `hindlog verify` reads all of it. Only
    with --online are there requests: they find out whether each source answers and accepts the
    key, whether the clock is right, whether the bucket does what the mirror relies on, and whether
    its rules or this key could delete history.
    """
    diagnoses = dict.fromkeys(_diagnose(online))  # the probes may meet the same error
    for level, text, hint in diagnoses:
        sys.stdout.write(f"{level:4}  {text}\n" + (f"      {hint}\n" if hint else ""))
    return 1 if any(level == "FAIL" for level, _, _ in diagnoses) else 0


def _diagnose(online: bool) -> Iterator[Diagnosis]:
    from importlib.metadata import version

    python = platform.python_version()
    installed = f"hindlog {version('hindlog')}, Python {python}, DuckDB {version('duckdb')}"
    yield ("OK", installed, None)
    owners = _distributions_with("cli/__init__.py")
    if len(owners) > 1:
        text = f"several distributions install a package `cli`: {', '.join(owners)}"
        yield ("FAIL", text, "install hindlog on its own: uv tool install, or pipx install")
    else:
        yield ("OK", "only hindlog installs the package `cli`", None)
    from eventlog.errors import HindlogError

    try:
        root = archive()
    except HindlogError as error:
        yield ("WARN", error.what, error.hint)
        return
    checks = (_check_configuration, check_disk, _check_log, check_crawls, _check_mirror)
    for check in (*checks, _check_views, check_views_lag):
        yield from _with_errors(check, root)
    if online:
        yield from _with_errors(check_upstreams, root)
        yield from _with_errors(_probe_mirror, root)


def _with_errors(check: Callable[[Path], Iterator[Diagnosis]], root: Path) -> Iterator[Diagnosis]:
    """Yields the results of a check; an error that it raises becomes a FAIL."""
    from eventlog.errors import HindlogError

    try:
        yield from check(root)
    except HindlogError as error:
        yield ("FAIL", error.what, error.hint)


def _distributions_with(path: str) -> list[str]:
    """Returns the names of the installed distributions that contain a file."""
    from importlib.metadata import distributions

    return [
        str(distribution.metadata["Name"])
        for distribution in distributions()
        if path in (distribution.read_text("RECORD") or path)  # else its list is not parsed
        and any(str(file) == path for file in distribution.files or ())
    ]


def _check_configuration(root: Path) -> Iterator[Diagnosis]:
    from cli.config.load import read_secrets

    config(root)
    keys = sorted(read_secrets(os.environ).api_keys)
    yield ("OK", f"{root / 'hindlog.toml'} is valid; keys for: {', '.join(keys) or 'none'}", None)


def _check_log(root: Path) -> Iterator[Diagnosis]:
    """Checks what the catalog shows and a few segments; all names and chains only if in doubt."""
    from eventlog.check.quick_check import quick_check
    from eventlog.check.verify import verify
    from eventlog.clock import DAY, now_us

    quick = quick_check(root, now_us() // DAY)
    if not quick.damages and not quick.suspicions:
        text = f"{count_of(quick.segments, 'segment')}; no file and no seq is missing"
        text += f"; today's sample of {quick.read} is intact" if quick.read else ""
        yield ("OK", f"{text}{_absent_text(quick.absent)}", None)
        return
    report = verify(root, sample=0.05)
    damages = {*quick.damages, *report.damages}
    if damages:
        yield ("FAIL", f"the log is damaged in {len(damages)} places", "hindlog verify")
    else:
        text = f"{count_of(report.segments, 'segment')}; names, manifests and chains are intact"
        yield ("OK", f"{text}{_absent_text(report.absent)}", None)


def _absent_text(count: int) -> str:
    return f"; in the mirror only: {count}" if count else ""


def _check_mirror(root: Path) -> Iterator[Diagnosis]:
    from cli.mirror.bucket import check_server
    from cli.mirror.push.costs import describe_month
    from eventlog.clock import HOUR, now_us
    from eventlog.errors import Invalid
    from eventlog.mirror.plan.lag import mirror_lag

    try:
        mirror = config(root).mirror
    except Invalid:  # was reported already
        return
    if mirror.url is None:
        return
    check_server(root, mirror)
    url = mirror.url
    address = url.rstrip("/")
    lag = mirror_lag(root, address)
    for stream in lag.stopped:
        yield ("FAIL", f"the mirror leaves out {', '.join(stream.key)}: {stream.reason}", None)
    if lag.oldest_us is None:
        yield ("OK", f"everything sealed is in the mirror {url}", None)
    else:
        is_late = lag.pushed_at is None or now_us() - lag.oldest_us > 2 * HOUR
        text = f"not in the mirror {url}: {count_of(lag.segments, 'segment')}"
        yield ("WARN" if is_late else "OK", text, "hindlog sync push" if is_late else None)
    yield ("OK", describe_month(root, address), None)
    yield from _last_findings(root, address)


def _last_findings(root: Path, address: str) -> Iterator[Diagnosis]:
    """Yields what the last probing of the bucket found."""
    from eventlog.mirror.local.findings import load_findings

    command = "hindlog doctor --online"
    findings = load_findings(root, address)
    if findings is None:
        if address.startswith("s3://"):
            yield ("OK", "the bucket was not probed yet", command)
        return
    bad = [name for name, verdict in findings.verdicts.items() if verdict != "OK"]
    text = f"the bucket was probed at {findings.at[:16]}Z: {', '.join(bad) or 'all is well'}"
    yield ("WARN" if bad else "OK", text, command if bad else None)


def _probe_mirror(root: Path) -> Iterator[Diagnosis]:
    from cli.mirror.probing import probe_mirror

    mirror = config(root).mirror
    if mirror.url is None:
        yield ("WARN", "there is no mirror to probe: mirror.url is not set", None)
        return
    for result in probe_mirror(root, mirror):
        outcome = result.outcome
        verdict = "-" if outcome.verdict.value == "not applicable" else outcome.verdict.value
        yield (verdict, f"{result.probe}: {outcome.text}", outcome.hint)


def _check_views(root: Path) -> Iterator[Diagnosis]:
    from eventlog.errors import NotFound
    from projector.folders import find_views_file
    from projector.kept_answers import keep, recall, views_state

    try:
        find_views_file(root.resolve() / "views")
    except NotFound as error:
        yield ("WARN", error.what, error.hint)
        return
    state = views_state(root)
    misfits = recall(root, _MISFITS, state, dict[str, int])  # were intact, and did not change
    if misfits is None:
        from projector.update.check import count_misfits

        damages = list(_damages_of_views(root))
        if damages:
            yield from damages
            return
        misfits = count_misfits(root)
        keep(root, _MISFITS, state, misfits)
    yield ("OK", "the views open, and every file they read exists", None)
    yield from map(_misfit, misfits.items())


def _damages_of_views(root: Path) -> Iterator[Diagnosis]:
    """Yields what is wrong with the files of the views."""
    from projector.query.open_views import open_views
    from projector.update.check import damaged_parts

    open_views(root).close()
    yield from (("FAIL", error.what, error.hint) for error in damaged_parts(root))


def _misfit(counted: tuple[str, int]) -> Diagnosis:
    """Returns the diagnosis of a view with rows that are not shown in full."""
    view, count = counted
    rows = f"{count} row{'s' if count > 1 else ''}"
    if view == "log.quarantine":
        text = f"{view}: {rows}, each a line of the log that a view leaves out"
        return ("WARN", text, f'hindlog sql "FROM {view}"')
    text = f"{view}: {rows} with values that do not fit their columns, which are NULL there"
    return ("WARN", text, f'hindlog sql "FROM {view} SELECT _id, _errors WHERE len(_errors) > 0"')


COMMANDS = (doctor,)
