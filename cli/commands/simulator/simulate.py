"""`simulate`: runs the simulated upstream as a server."""

import sys
from pathlib import Path

import click

from cli.options.global_options import global_options, print_message


@click.command(
    epilog="Example: hindlog simulate --port 8800 --seed 7 --faults 429:0.05,html:0.01",
    short_help="Runs the simulated upstream: serves both APIs, offline.",
)
@click.option("--port", default=8800, show_default=True, type=click.IntRange(0, 65535))
@click.option("--seed", default=1, show_default=True, help="Seed of the simulated data.")
@click.option("--faults", default="", metavar="F", help="Fault rates, such as 429:0.05,cut:0.01.")
@click.option(
    "--at",
    metavar="TIME",
    help="Start of the simulated clock (default: now); it advances from there.",
)
@click.option(
    "--recordings",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve recorded responses, as of the clock, instead of simulated data.",
)
@global_options
def simulate(port: int, seed: int, faults: str, at: str | None, recordings: Path | None) -> None:
    """Serves both APIs on 127.0.0.1 over HTTP, with simulated data that changes over time.

    OpenRouter is at the root, Civitai under /civitai/api/v1. Every response depends only on the
    seed and the clock: prices change; models appear, vanish and return.

    With --recordings the response to a request is the last body recorded before the instant of
    the clock, or 404 if there is none. Files are read as by `fetch import`. Redirects of
    --faults go to a second port.
    """
    from cli.options.times import parse_time
    from eventlog.clock import now_us
    from eventlog.errors import Invalid
    from fetcher.simulator.app import run_server
    from fetcher.simulator.faults.plan import parse_faults

    try:
        fault_plan = parse_faults(faults)
    except ValueError as error:
        raise Invalid(f"--faults: {error}") from error
    shift = parse_time(at, now_us()) - now_us() if at else 0

    def print_address(origin: str) -> None:
        sys.stdout.write(origin + "\n")
        sys.stdout.flush()
        print_message("Stop with Ctrl-C. To crawl it:")
        print_message(f"  export HINDLOG_OPENROUTER_BASE_URL={origin}")
        print_message(f"  export HINDLOG_CIVITAI_BASE_URL={origin}/civitai/api/v1")
        print_message("  hindlog fetch run --once")

    try:
        run_server(port, seed, lambda: now_us() + shift, print_address, fault_plan, recordings)
    except OSError as error:
        message = f"127.0.0.1:{port}: {error.strerror}"
        raise Invalid(message, "hindlog simulate --port 0 chooses a free port") from error


COMMANDS = (simulate,)
