"""`verify`, `repair` and `gaps`: whether the log is whole, and what to do if not."""

import sys
from pathlib import Path

import click

from cli.options.global_options import archive, global_options, print_message
from cli.options.time_options import resolve_since
from cli.output.emit import choose_output, emit, output_options


@click.command(
    epilog="Example: hindlog verify --since 7d",
    short_help="Read and check everything; change nothing.",
)
@click.option("--since", metavar="T", help="Only segments from this instant on.")
@click.option("--sample", default="100%", show_default=True, help="Share of segments read whole.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@global_options
def verify(since: str | None, sample: str, as_json: bool) -> int:
    """Read everything and check it against manifests, checksums and chains.

    Says segment, frame, line and byte of each damage, and exits with 4 if there is
    any. Changes nothing.
    """
    from eventlog.check.verify import verify as check
    from eventlog.read.event_filter import Select

    select = Select(since=resolve_since(since)) if since else None
    found = check(archive(), select, _share(sample))
    if as_json:
        _emit_json(found)
    else:
        for damage in found.damages:
            sys.stdout.write(f"{damage}\n")
    size = f"{found.raw_bytes / 1e6:,.1f} MB"
    print_message(
        f"{found.segments} segments, {found.rows} events, {size}: {len(found.damages)} damaged"
    )
    return 4 if found.damages else 0


def _emit_json(found: object) -> None:
    import attrs
    import orjson

    sys.stdout.write(orjson.dumps(attrs.asdict(found)).decode() + "\n")  # type: ignore[arg-type]


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise click.BadParameter(f"expected a share as 5%, found {text!r}", param_hint="--sample")
    return value


@click.command(
    epilog="Example: hindlog repair openrouter/2026-11-21/05-1a2b3c4d-000 --from /backup/archive",
    short_help="Put damaged segments right.",
)
@click.argument("segments", nargs=-1, required=True)
@click.option(
    "--from", "good", type=click.Path(exists=True, path_type=Path), help="Where good copies lie."
)
@click.option(
    "--accept-loss", is_flag=True, help="Give up what exists nowhere: its stream goes on behind it."
)
@global_options
def repair(segments: tuple[str, ...], good: Path | None, accept_loss: bool) -> None:
    """Put SEGMENTS right that recovery or a reader refuses.

    An open segment loses what is not whole; it stays in the log as an anomaly. For a
    sealed one a good copy is taken, believed only where the chain of manifests
    confirms it. What is replaced is set aside, not deleted.

    --accept-loss records for good that the events are lost. Nothing is deleted, and what
    can be put right is put right instead. Of a segment that nothing names any more,
    `hindlog verify` tells under which name to give it up.
    """
    from cli.options.arguments import parse_segment_argument
    from eventlog.check.accept_loss import accept_loss as give_up
    from eventlog.check.repair import repair as put_right

    if good is not None and accept_loss:
        raise click.UsageError("--from and --accept-loss exclude each other")
    root = archive()
    for text in segments:
        name = parse_segment_argument(root, text)
        done = give_up(root, name) if accept_loss else put_right(root, name, good)
        print_message(f"{done.segment}: {done.what}")


@click.command(
    epilog="Example: hindlog gaps --since 7d --exit-code",
    short_help="What was not looked at, and why.",
)
@click.option("--since", metavar="T", help="Only what reaches beyond this instant.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 if there is any.")
@output_options
@global_options
def gaps(
    since: str | None, exit_code: bool, fmt: str | None, as_json: bool, output: Path | None
) -> int:
    """Hours without segment or heartbeat, seqs that are missing, runs not completed.

    Speaks of live crawling only: imports say nothing about when anybody looked.
    """
    from cli.options.times import format_time
    from eventlog.check.coverage_gaps import find_gaps
    from eventlog.clock import now_us

    found = find_gaps(archive(), now_us(), resolve_since(since))
    rows = [
        (
            each.source,
            each.what,
            format_time(each.since),
            format_time(each.until),
            each.run,
            each.reason,
        )
        for each in found
    ]
    columns = ("source", "what", "since", "until", "run", "reason")
    emit(columns, rows, choose_output(fmt, as_json, output))
    return 4 if found and exit_code else 0


COMMANDS = (verify, repair, gaps)
