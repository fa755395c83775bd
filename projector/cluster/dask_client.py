"""Connects to a Dask cluster and checks its workers. The only module that imports distributed.

dask://host:port, dask+tls://host:port ──> scheduler ──> every worker: versions, folder
"""

import contextlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs

from eventlog.errors import Invalid, Unavailable
from projector.digests import digest_rules

CONNECT_S = 10.0
"""How long the scheduler may take to answer."""
_PROTOCOLS = {"dask": "tcp", "dask+tls": "tls"}
_PLACE = re.compile(r"[^/?#@\s]+:\d{1,5}")


RunOnWorkers = Callable[..., Mapping[str, Any]]
"""Runs a function with arguments on every worker: `run_on_workers` of a client."""


@attrs.frozen
class WorkerState:
    """What a worker says about itself."""

    versions: tuple[str, str]
    """Of hindlog and of DuckDB."""
    rules: str
    """Digest of the projector's code and of DuckDB's version."""
    sees_folder: bool
    """Whether a file of the coordinator is there under the same path."""


@contextlib.contextmanager
def connect_to_dask(address: str, timeout_s: float = CONNECT_S) -> Iterator[Any]:
    """Yields a client of the scheduler.

    Raises `Invalid` for the address or a missing library, `Unavailable` if no scheduler answers,
    if it has no workers, or if the cluster is lost inside the context.
    """
    scheme, _, place = address.partition("://")
    if scheme not in _PROTOCOLS or not _PLACE.fullmatch(place):
        raise Invalid(f"{address}: expected local, dask://HOST:PORT or dask+tls://HOST:PORT")
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        hint = "pip install 'hindlog[dask]'"
        raise Invalid("the library distributed is not installed", hint) from error
    logging.getLogger("distributed").setLevel(logging.ERROR)
    try:
        url = f"{_PROTOCOLS[scheme]}://{place}"
        client: Any = Client(  # type: ignore[no-untyped-call]
            url, timeout=timeout_s, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        problem = f"{address}: no Dask scheduler answered within {timeout_s:g} s"
        raise Unavailable(problem, f"dask scheduler --port {place.rpartition(':')[2]}") from error
    try:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            hint = f"dask worker {_PROTOCOLS[scheme]}://{place}"
            raise Unavailable(f"{address}: the scheduler has no workers", hint)
        yield client
    except KilledWorker as error:
        problem = f"{address}: a task was given up after several workers that ran it had ended"
        raise Unavailable(f"{problem}: {error}", "see the messages of the workers") from error
    except CancelledError as error:
        if client.status == "running":
            raise
        raise Unavailable(f"{address}: the scheduler ended during the update") from error
    finally:
        with contextlib.suppress(OSError, TimeoutError):
            client.close(timeout=2)


def run_on_workers(client: Any, work: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """Runs a function on every worker. Returns results, or the errors it raised, by address."""
    results: dict[str, Any] = client.run(work, *arguments, on_error="return")
    return results


def count_threads(client: Any) -> int:
    """Returns the number of tasks that all workers together run at the same time."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return sum(int(worker["nthreads"]) for worker in workers)


def describe_worker(token: str) -> WorkerState:
    """Returns the state of the worker on which it runs. `token`: path of a file to look for."""
    try:
        hindlog = version("hindlog")
    except PackageNotFoundError:
        hindlog = "not installed"
    versions = (hindlog, version("duckdb"))
    return WorkerState(versions, digest_rules().hex(), Path(token).exists())


def check_workers(run: RunOnWorkers, token: Path) -> dict[str, bool]:
    """Returns, for the address of each worker, whether it sees the folder with a file `token`.

    Raises `Invalid`, which names the worker, if one has other code or another DuckDB.
    """
    states = run(describe_worker, str(token))
    own = describe_worker(str(token))
    for address, state in sorted(states.items()):
        if not isinstance(state, WorkerState):
            what = f"worker {address}: expected hindlog {own.versions[0]}; found none: {state}"
            raise Invalid(what, "install the same hindlog there: pip install 'hindlog[dask]'")
        if state.rules != own.rules:
            raise Invalid(
                f"worker {address}: expected {_describe(own)}; found {_describe(state)}",
                "install the same versions there: its parts could differ from those built here",
            )
    return {address: state.sees_folder for address, state in states.items()}


def _describe(state: WorkerState) -> str:
    hindlog, duckdb = state.versions
    return f"hindlog {hindlog} (code {state.rules[:8]}) with DuckDB {duckdb}"
