"""`verify`, `repair` and `gaps`: find damage and gaps in the log, and repair damage."""

import sys
from functools import partial
from pathlib import Path

import click

from cli.options.global_options import archive, config, global_options, print_message
from cli.options.time_options import check_range, resolve_since
from cli.output.counts import count_of
from cli.output.emit import choose_output, emit, output_options


@click.command(
    epilog="Example: hindlog verify --since 7d",
    short_help="Reads and checks the log; changes nothing.",
)
@click.option("--since", metavar="T", help="Check only segments from this instant on.")
@click.option(
    "--sample",
    default="100%",
    show_default=True,
    help="Share of the segments that are read completely.",
)
@click.option("--remote", is_flag=True, help="Read and check the mirror instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@global_options
def verify(since: str | None, sample: str, remote: bool, as_json: bool) -> int:
    """Reads the log and checks it against manifests, checksums and hash chains.

    Prints segment, frame, line and byte of each damage. Exits with 4 if there is any. Changes
    nothing.

    With --remote, checks the mirror as `sync check` does, fetches what --since and --sample choose,
    and compares it with the committed SHA-256. Prints what `sync check` prints.
    """
    from cli.output.progress.display import progress
    from eventlog.check.verify import verify as check
    from eventlog.clock import now_us
    from eventlog.read.event_filter import Select

    start = resolve_since(since)
    check_range(start, None)
    select = None if start is None else Select(since=start)
    root = archive()
    share = _parse_share(sample)
    if remote:
        return _verify_remote(root, start, share, as_json)
    with progress(now_us) as show:
        report = check(root, select, share, report=show)
    if as_json:
        _print_json(report)
    else:
        for damage in report.damages:
            sys.stdout.write(f"{damage}\n")
    size = f"{report.raw_bytes / 1e6:,.1f} MB"
    print_message(
        f"{count_of(report.segments, 'segment')}, {count_of(report.rows, 'event')}, {size}: "
        f"{len(report.damages)} damaged"
    )
    if report.absent:
        print_message(
            f"in the mirror only: {count_of(report.absent, 'segment')}: hindlog sync pull"
        )
    return 4 if report.damages else 0


def _verify_remote(root: Path, since: int | None, share: float, as_json: bool) -> int:
    """Checks the mirror and reads a sample of it from an instant on. Returns the exit code."""
    from cli.mirror.checking import print_check
    from eventlog.mirror.check.checking import CheckRequest
    from eventlog.mirror.check.choice import ReadSample

    mirror = config(root).mirror
    request = CheckRequest(False, ReadSample(share), since, mirror.transfers)
    return print_check(root, mirror, request, as_json)


def _print_json(report: object) -> None:
    import attrs
    import orjson

    sys.stdout.write(orjson.dumps(attrs.asdict(report)).decode() + "\n")  # type: ignore[arg-type]


def _parse_share(text: str) -> float:
    """Returns the share of `5%` as 0.05. Raises `BadParameter` outside (0 %, 100 %]."""
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise click.BadParameter(
            f"expected a percentage above 0% and up to 100%, such as 5%; found {text!r}",
            param_hint="--sample",
        )
    return value


@click.command(
    epilog="Example: hindlog repair openrouter/2026-11-21/05-1a2b3c4d-000 --from /backup/archive",
    short_help="Repairs damaged segments.",
)
@click.argument("segments", nargs=-1, required=True)
@click.option(
    "--from",
    "good",
    type=click.Path(exists=True, path_type=Path),
    help="Folder or file with good copies.",
)
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Record as lost what exists nowhere else, so that the stream can continue.",
)
@global_options
def repair(segments: tuple[str, ...], good: Path | None, accept_loss: bool) -> None:
    """Repairs SEGMENTS that recovery or a reader refuses.

    The torn tail of an open segment is cut off; its bytes are kept in the log as an anomaly. A
    sealed segment is replaced with a good copy: from the files beside it, from --from, or else
    from the mirror, with its assets. A copy is accepted only if the chain of manifests confirms
    it. The damaged file is moved away, not deleted.

    --accept-loss records permanently that the events of a segment are lost. It deletes nothing,
    repairs the segment instead if that is possible, and refuses what the mirror has. If no file
    names the lost segment any more, use the name that `hindlog verify` prints.
    """
    from cli.mirror.repairing import refuse_mirrored, repair_with_mirror
    from cli.options.arguments import parse_segment_argument
    from cli.output.progress.display import progress
    from eventlog.check.accept_loss import accept_loss as mark_as_lost
    from eventlog.check.repair import repair as repair_segment
    from eventlog.clock import now_us

    if good is not None and accept_loss:
        raise click.UsageError("--from and --accept-loss exclude each other")
    root = archive()
    settings = config(root)
    segment_bytes, mirror = settings.log.segment_bytes, settings.mirror
    with progress(now_us) as show:
        for count, text in enumerate(segments, 1):
            name = parse_segment_argument(root, text)
            show("segments repaired", count - 1, len(segments))
            if accept_loss:
                refuse = partial(refuse_mirrored, root, mirror)
                result = mark_as_lost(root, name, segment_bytes=segment_bytes, refuse=refuse)
            elif good is None:
                result = repair_with_mirror(root, mirror, name, segment_bytes)
            else:
                result = repair_segment(root, name, good, segment_bytes=segment_bytes)
            print_message(f"{result.segment}: {result.what}")
            show("segments repaired", count, len(segments))


@click.command(
    epilog="Example: hindlog gaps --since 7d --exit-code",
    short_help="Hours and runs that are missing or partial, and why.",
)
@click.option("--since", metavar="T", help="Only gaps that end after this instant.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if there is a gap.")
@output_options
@global_options
def gaps(
    since: str | None, exit_code: bool, fmt: str | None, as_json: bool, output: Path | None
) -> int:
    """Prints hours without a segment or heartbeat, missing seqs, and runs that are not complete.

    A run that nobody started yet is `queued`; one that was started and did not end, `never ended`.
    Only live crawling counts: imports do not tell when the upstream was observed.
    """
    from cli.options.times import format_time
    from eventlog.check.coverage_gaps import find_gaps
    from eventlog.clock import now_us

    start = resolve_since(since)
    check_range(start, None)
    missing = find_gaps(archive(), now_us(), start)
    rows = [
        (
            gap.source,
            gap.what,
            format_time(gap.since),
            format_time(gap.until),
            gap.run,
            gap.reason,
        )
        for gap in missing
    ]
    columns = ("source", "what", "since", "until", "run", "reason")
    emit(columns, rows, choose_output(fmt, as_json, output), optional=("run", "until"))
    return 4 if missing and exit_code else 0


COMMANDS = (verify, repair, gaps)
