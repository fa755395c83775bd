"""Reads straight from a bucket: `-C s3://bucket/prefix COMMAND`.

    address ──> folder in the user's cache, with a configuration ──> manifests ──> the command

The folder is an archive all of whose sealed files are absent: what is read is fetched. It may be
deleted at any time.
"""

import asyncio
import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path

import click

from cli.options.global_options import config, current_options, print_message
from eventlog.errors import Invalid, Unavailable

GIVE_UP_AFTER_S = 30.0
"""How long the bucket is tried: somebody waits for the answer."""
SCHEMES = ("s3", "file")
READING = frozenset(
    {
        *("changes", "diff", "doctor", "export", "gaps", "history", "log", "show", "sql", "status"),
        *("tail", "verify", "config check", "config paths", "config show", "fetch list"),
        *("segment cat", "segment list", "segment response", "sync check"),
        *("view check", "view diff", "view list", "view rebuild", "view show", "view update"),
    }
)
"""Commands that change nothing in the log."""


def open_address(address: str) -> Path:
    """Returns the folder for the archive in a bucket, with all of its manifests.

    Raises `Invalid` for a command that writes, and if there is no archive; `Unavailable` if the
    bucket cannot be reached.
    """
    from projector.folders import refuse_glob_characters

    if address.partition("://")[0] not in SCHEMES:
        raise Invalid(f"-C {address}: expected a folder, s3://bucket/prefix or file:///folder")
    _require_reading(address)
    root = cache_folder(address)
    refuse_glob_characters(root)
    is_new = not (root / "hindlog.toml").exists()
    if current_options().offline:
        if is_new or not (root / "state" / "mirror" / "complete").exists():
            what = f"{address}: it was not read from here before, and --offline asks for nothing"
            raise Unavailable(what, "once without --offline")
        return root
    if is_new:
        _create(root, address)
        print_message(f"reading the manifests of {address}; they are kept in {root}")
    try:
        asyncio.run(_refresh(root))
    except BaseException:
        if not (root / "log" / "archive.json").exists():  # nothing was read
            shutil.rmtree(root, ignore_errors=True)
        raise
    return root


def cache_folder(address: str) -> Path:
    """Returns the folder in the user's cache for an address."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Path(base).expanduser().absolute() / "hindlog" / name


def _require_reading(address: str) -> None:
    context = click.get_current_context()
    command = context.command_path.partition(" ")[2]
    if command not in READING:
        raise Invalid(
            f"{command} changes an archive, and {address} is read only here",
            f"hindlog init DIR --from {address}",
        )
    if command == "tail" and context.params.get("following"):
        raise Invalid(
            f"tail --follow does not follow {address} yet",
            f"hindlog init DIR --from {address}, then sync pull and tail there",
        )


def _create(root: Path, address: str) -> None:
    from cli.config.load import default_toml, with_mirror
    from eventlog.files.publish import replace_file

    (root / "log").mkdir(parents=True, exist_ok=True)
    replace_file(root / "hindlog.toml", with_mirror(default_toml(), address).encode())


async def _refresh(root: Path) -> None:
    from cli.mirror.bucket import Retries, open_bucket
    from eventlog.mirror.pull.refresh import refresh_manifests

    retries = Retries(GIVE_UP_AFTER_S)
    async with open_bucket(root, config(root).mirror, Counter(), retries=retries) as store:
        try:
            await refresh_manifests(root, store)
        except Unavailable as error:
            what = f"{error.what}; what was read before can be read without the bucket"
            raise Unavailable(what, "add --offline") from error
