"""`simulate`: the built-in upstream."""

import sys
from pathlib import Path

import click

from cli.options.global_options import global_options, print_message


@click.command(
    epilog="Example: hindlog simulate --port 8800 --seed 7 --faults 429:0.05,html:0.01",
    short_help="The built-in upstream: speaks both APIs, offline.",
)
@click.option("--port", default=8800, show_default=True, type=click.IntRange(0, 65535))
@click.option("--seed", default=1, show_default=True, help="Which world.")
@click.option("--faults", default="", metavar="F", help="Rates, as in 429:0.05,cut:0.01.")
@click.option(
    "--at", metavar="TIME", help="The instant its clock starts from (default: now); it runs on."
)
@click.option(
    "--recordings",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve what was recorded, as of the clock, instead of a made-up world.",
)
@global_options
def simulate(port: int, seed: int, faults: str, at: str | None, recordings: Path | None) -> None:
    """Serve an evolving catalogue on 127.0.0.1 that speaks both APIs over HTTP.

    OpenRouter at the origin, Civitai under /civitai/api/v1. Both are pure functions
    of the seed and the clock: prices move, models appear, vanish and return.

    With --recordings each request is answered with the body that was recorded last before
    the instant of the clock; what was never recorded is a 404. Files are read as by
    `fetch import`. Redirects of --faults lead to a second port.
    """
    from cli.options.times import parse_time
    from eventlog.clock import now_us
    from eventlog.errors import Invalid
    from fetcher.simulator.app import run_server
    from fetcher.simulator.faults.plan import parse_faults

    try:
        planned = parse_faults(faults)
    except ValueError as error:
        raise Invalid(f"--faults: {error}") from error
    shift = parse_time(at, now_us()) - now_us() if at else 0

    def ready(origin: str) -> None:
        sys.stdout.write(origin + "\n")
        sys.stdout.flush()
        print_message("Stop with Ctrl-C. To crawl it:")
        print_message(f"  export HINDLOG_OPENROUTER_BASE_URL={origin}")
        print_message(f"  export HINDLOG_CIVITAI_BASE_URL={origin}/civitai/api/v1")
        print_message("  hindlog fetch run --once")

    try:
        run_server(port, seed, lambda: now_us() + shift, ready, planned, recordings)
    except OSError as error:
        what = f"127.0.0.1:{port}: {error.strerror}"
        raise Invalid(what, "hindlog simulate --port 0 takes a free one") from error


COMMANDS = (simulate,)
