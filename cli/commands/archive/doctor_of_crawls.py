"""What `doctor` says of crawling: sources, service, imports, growth, and the upstreams online."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cli.commands.archive.status import disk_state
from cli.commands.archive.status_of_sources import bytes_per_day, service_of
from cli.mirror.bucket import format_size
from cli.options.global_options import config
from cli.output.counts import count_of

Diagnosis = tuple[str, str, str | None]
"""As in `doctor`: level, observation, and the command that repairs it."""
_FEW_DAYS = 14
"""Days until the disk is full from which on that is a warning."""
_CLOCK_S = 60
"""Seconds by which a clock may differ: a Date header is whole seconds old on arrival."""


def check_disk(root: Path) -> Iterator[Diagnosis]:
    """Compares free space with the reserve of the log, and with its growth."""
    from eventlog.catalog.index import read_indexes
    from eventlog.clock import now_us
    from eventlog.files.disk import RESERVE_BYTES

    free, now = shutil.disk_usage(root).free, now_us()
    level = "OK" if free > 4 * RESERVE_BYTES else "WARN" if free > RESERVE_BYTES else "FAIL"
    state = disk_state(root, [bytes_per_day(index, now) for index in read_indexes(root)])
    text, days = f"{free // 2**20:,} MiB free", state["days_until_full"]
    if state["bytes_per_day"]:
        text += f"; the log grows by {format_size(state['bytes_per_day'])} a day"
    if days is not None and days <= 365:
        text += f", the disk is full in {count_of(days, 'day')}"
    if level == "OK" and days is not None and days < _FEW_DAYS:
        level = "WARN"
    yield (level, text, None if level == "OK" else "make room on this disk")


def check_crawls(root: Path) -> Iterator[Diagnosis]:
    """Names sources that were never crawled, the process that crawls, and interrupted imports."""
    from eventlog.catalog.index import read_index
    from eventlog.catalog.lookup import writers_of
    from eventlog.files.stream_lock import is_locked
    from eventlog.write.publish_group import list_groups

    names = sorted(name for name, source in config(root).source.items() if source.enabled)
    for name in names:
        if not writers_of(read_index(root, name)):
            yield ("WARN", f"{name} was never crawled", f"hindlog fetch run {name} --once")
    services = {name: service for name in names if (service := service_of(root, name))}
    if not services:
        yield ("OK", "no fetch run is running", None)
    for name, service in services.items():
        process = f"process {service['pid']} on {service['host']}"
        since = str(service["since"])[:16]
        yield ("OK", f"fetch run is crawling {name} since {since}Z: {process}", None)
    for source, writer in list_groups(root):
        if not is_locked(root, source, writer):
            text = f"an import of {source} was interrupted: a part of it is not in the log"
            yield ("WARN", text, "run the same fetch import again")


def check_views_lag(root: Path) -> Iterator[Diagnosis]:
    """Says how far the views are behind the log."""
    from cli.options.times import format_ago
    from eventlog.clock import now_us
    from projector.update.last_update import unread_segments

    unread = unread_segments(root)
    if unread is not None:
        updated_at, count = unread
        behind = f"updated {format_ago(updated_at, now_us())}, {count_of(count, 'segment')} behind"
        yield ("WARN", f"the views are behind the log: {behind}", "hindlog view update")


def check_upstreams(root: Path) -> Iterator[Diagnosis]:
    """Sends one cheap request to each enabled source: is it reachable, is the key accepted?"""
    import asyncio

    from cli.config.load import read_secrets
    from eventlog.clock import now_us
    from fetcher.service.check_upstream import check_upstream
    from fetcher.sources import SOURCES

    keys = read_secrets(os.environ).api_keys
    for name, settings in sorted(config(root).source.items()):
        if not settings.enabled:
            continue
        key = keys.get(name)
        asking = check_upstream(SOURCES[name], settings.base_url, key, settings.contact, now_us)
        answer = asyncio.run(asking)
        variable = f"HINDLOG_{name.upper()}_API_KEY"
        if answer.is_refused:
            whose = f"the key in {variable}" if key else "a request without a key"
            yield ("FAIL", f"{answer.url}: refused {whose}", f"set {variable} to a valid key")
        elif answer.problem is not None:
            hint = f"try again later, or check HINDLOG_{name.upper()}_BASE_URL"
            yield ("FAIL", f"{answer.url}: {answer.problem}", hint)
        else:
            used = "with the key" if key else "without a key"
            yield ("OK", f"{name} answers {used}: {answer.url}", None)
        if answer.clock_difference_s is not None:
            yield _clock(name, answer.clock_difference_s)


def _clock(name: str, difference_s: int) -> Diagnosis:
    if abs(difference_s) <= _CLOCK_S:
        return ("OK", f"the clock agrees with that of {name}", None)
    direction = "ahead of" if difference_s > 0 else "behind"
    text = f"the clock is {abs(difference_s):,} s {direction} that of {name}"
    return ("WARN", text, "set the clock of this machine: timedatectl set-ntp true")
