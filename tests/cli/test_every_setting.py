"""Every configuration key and every global option has an effect.

Each has a function in the table KEYS or OPTIONS that checks its effect; a test fails if one is
missing.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from threading import Condition
from typing import Any

import pytest

from cli.config.settings import SOURCE_DEFAULTS, key_types
from cli.program import cli
from tests.cli.config.effects_of_keys import LOG_KEYS
from tests.cli.making import hindlog, new_archive
from tests.cli.mirror.effects_of_keys import MIRROR_KEYS
from tests.cli.upstream import models, toml_of, upstream

WAIT_S = 30


def dry_run(root: Path, *words: str) -> list[list[str]]:
    """Returns the rows of a dry run: source, listing, url, follows, next slot."""
    return hindlog("fetch", "run", "--once", "--dry-run", *words, at=root).rows[1:]


def civitai(key: str, value: str) -> str:
    """Returns a configuration with one key of civitai; openrouter is disabled."""
    return f"[source.openrouter]\nenabled = false\n[source.civitai]\n{key} = {value}\n"


def base_url(folder: Path) -> None:
    root = new_archive(folder / "a", civitai("base_url", '"https://other.example/v1"'))

    assert dry_run(root)[0][2].startswith("https://other.example/v1/models")


def schedule(folder: Path) -> None:
    root = new_archive(folder / "a", civitai("schedule", '"17 * * * *"'))

    assert {row[4][14:16] for row in dry_run(root)} == {"17"}


def enabled(folder: Path) -> None:
    root = new_archive(folder / "a", "[source.civitai]\nenabled = false\n")

    assert {row[0] for row in dry_run(root)} == {"openrouter"}


def listings(folder: Path) -> None:
    root = new_archive(folder / "a", civitai("listings", '["images"]'))

    assert [row[1] for row in dry_run(root)] == ["images"]


def requests_per_minute(folder: Path) -> None:
    with upstream(models) as (origin, requests):
        toml = toml_of(origin).replace("600000", "1")
        root = new_archive(folder / "a", toml)
        hindlog("fetch", "add", "civitai", "models", at=root)
        hindlog("fetch", "run", "--for", "1s", at=root)  # the next request is due in a minute

    assert len(requests) == 1


def max_in_flight(folder: Path, concurrency: int, expected: int) -> int:
    """Returns the maximum number of simultaneous requests.

    The upstream delays its responses until `expected` requests have arrived.
    """
    changed = Condition()
    counts = {"now": 0, "max": 0}

    def answer(origin: str, path: str) -> tuple[int, Any]:
        if not path.endswith("/endpoints"):
            return 200, {"data": [{"id": f"x/{n}", "name": "X"} for n in range(6)]}
        with changed:
            counts["now"] += 1
            counts["max"] = max(counts.values())
            changed.notify_all()
            changed.wait_for(lambda: counts["max"] >= expected, WAIT_S)
            counts["now"] -= 1
        return 200, {"data": {"id": path.split("/models/")[1][:3], "endpoints": []}}

    with upstream(answer) as (origin, _):
        toml = (
            "[source.civitai]\nenabled = false\n"
            f'[source.openrouter]\nbase_url = "{origin}"\nlistings = ["endpoints"]\n'
            f"requests_per_minute = 600000\nconcurrency = {concurrency}\n"
        )
        hindlog("fetch", "run", "--once", at=new_archive(folder / str(concurrency), toml))
    return counts["max"]


def concurrency(folder: Path) -> None:
    assert max_in_flight(folder, 1, expected=1) == 1
    assert max_in_flight(folder, 3, expected=3) == 3


def first_walk(folder: Path) -> None:
    with upstream(models) as (origin, requests):
        toml = toml_of(origin, more="first_walk = 3\n")
        hindlog("fetch", "run", "--once", at=new_archive(folder / "a", toml))

    assert len(requests) == 1


def max_requests_per_sync(folder: Path) -> None:
    with upstream(models) as (origin, requests):
        toml = toml_of(origin, more="max_requests_per_sync = 1\n")
        hindlog("fetch", "run", "--once", at=new_archive(folder / "a", toml))

    assert len(requests) == 1


def timeout_s(folder: Path) -> None:
    finished = Condition()
    over: list[bool] = []

    def answer(origin: str, path: str) -> tuple[int, Any]:
        with finished:
            finished.wait_for(lambda: bool(over), WAIT_S)
        return models(origin, path)

    with upstream(answer) as (origin, _):
        root = new_archive(folder / "a", toml_of(origin, more="timeout_s = 0.2\n"))
        done = hindlog("fetch", "probe", f"{origin}/models", at=root)
        over.append(True)
        with finished:
            finished.notify_all()

    assert (done.code, "timeout" in done.err) == (7, True)


def contact(folder: Path) -> None:
    agents: list[str] = []
    with upstream(models, agents, "User-Agent") as (origin, _):
        root = new_archive(folder / "a", toml_of(origin, more='contact = "me@example.org"\n'))
        hindlog("fetch", "probe", f"{origin}/models", at=root)

    assert ["contact: me@example.org" in agent for agent in agents] == [True]


def params(folder: Path) -> None:
    with upstream(models) as (origin, requests):
        toml = toml_of(origin, more='params.models.username = "somebody"\n')
        hindlog("fetch", "run", "--once", at=new_archive(folder / "a", toml))

    assert "username=somebody" in requests[0]


KEYS: dict[str, Callable[[Path], None]] = {
    "source.*.base_url": base_url,
    "source.*.schedule": schedule,
    "source.*.enabled": enabled,
    "source.*.listings": listings,
    "source.*.requests_per_minute": requests_per_minute,
    "source.*.params": params,
    "source.*.first_walk": first_walk,
    "source.*.concurrency": concurrency,
    "source.*.max_requests_per_sync": max_requests_per_sync,
    "source.*.timeout_s": timeout_s,
    "source.*.contact": contact,
    **MIRROR_KEYS,
    **LOG_KEYS,
}


def known_keys() -> set[str]:
    """Returns every dotted key, with `*` for the name of a source."""
    names = "|".join(SOURCE_DEFAULTS)
    return {re.sub(rf"^source\.({names})\.", "source.*.", key) for key in key_types()}


@pytest.mark.parametrize("key", sorted(known_keys()))
def test_every_configuration_key_has_an_effect(key: str, tmp_path: Path) -> None:
    assert key in KEYS, f"{key}: add a check of its effect to KEYS"
    KEYS[key](tmp_path)


def archive_option(shared: Path, folder: Path) -> None:
    other = new_archive(folder / "other")

    assert hindlog("-C", other, "config", "paths").rows[1] == ["archive", str(other)]


def config_option(shared: Path, folder: Path) -> None:
    other = folder / "other.toml"
    other.write_text("[log]\nsegment_bytes = 7\n")
    done = hindlog("--config", other, "config", "show", at=shared)

    assert ["log.segment_bytes", "7"] in done.rows


def quiet_option(shared: Path, folder: Path) -> None:
    assert hindlog("verify", at=shared).err != ""
    assert hindlog("-q", "verify", at=shared).err == ""


def verbose_option(shared: Path, folder: Path) -> None:
    with upstream(models) as (origin, _):
        root = new_archive(folder / "archive", toml_of(origin))
        plain, verbose, very_verbose = (
            hindlog(*words, "fetch", "run", "--once", at=root) for words in ((), ("-v",), ("-vv",))
        )
        url = f"GET {origin}/models"
    hidden = hindlog("segment", "seal", "--all", "-v", "-q", at=root)
    hindlog("fetch", "add", "civitai", "models", at=root)
    sealed = hindlog("segment", "seal", "--all", "-v", at=root)
    rebuild = ("view", "rebuild", "openrouter.models", "--to", folder / "models.parquet")
    built = hindlog("-v", "--log-format", "json", *rebuild, at=shared)

    assert [url in done.err for done in (plain, verbose, very_verbose)] == [False, True, True]
    assert re.search(rf"^{url}.*: 200, \d+ bytes in \d+ ms$", verbose.err, re.M)
    assert ["wrote events" in done.err for done in (plain, verbose, very_verbose)] == [
        False,
        False,
        True,
    ]
    assert hidden.err == ""
    assert re.search(r"^sealed segment civitai/\S+: 1 events, \d+ bytes", sealed.err, re.M)
    messages = [json.loads(line)["message"] for line in built.err.splitlines()]
    assert any(re.fullmatch(r"built \S+\.parquet: \d+ rows in \d+ ms", m) for m in messages)


def color_option(shared: Path, folder: Path) -> None:
    words = ("tail", "-n", "1")
    colored = hindlog(*words, "--color", "always", at=shared, terminals=("stdout",))
    plain = hindlog(*words, "--color", "never", at=shared, terminals=("stdout",))

    assert ("\x1b[" in colored.out, "\x1b[" in plain.out) == (True, False)


def log_format_option(shared: Path, folder: Path) -> None:
    done = hindlog("--log-format", "json", "verify", at=shared)

    assert json.loads(done.err)["message_type"] == "message"


def version_option(shared: Path, folder: Path) -> None:
    assert hindlog("--version").out.startswith("hindlog, version ")


def offline_option(shared: Path, folder: Path) -> None:
    bucket = f"file://{folder}"  # read for the first time, which takes requests
    done = hindlog("-C", bucket, "--offline", "log")

    assert done.code == 7 and "--offline asks for nothing" in done.err


OPTIONS: dict[str, Callable[[Path, Path], None]] = {
    "archive": archive_option,
    "config": config_option,
    "quiet": quiet_option,
    "verbose": verbose_option,
    "color": color_option,
    "log_format": log_format_option,
    "offline": offline_option,
    "version": version_option,
}


@pytest.mark.parametrize("name", [str(param.name) for param in cli.params])
def test_every_global_option_has_an_effect(name: str, shared: Path, tmp_path: Path) -> None:
    assert name in OPTIONS, f"{name}: add a check of its effect to OPTIONS"
    OPTIONS[name](shared, tmp_path)


def test_the_tables_contain_only_existing_keys_and_options() -> None:
    assert set(KEYS) == known_keys()
    assert set(OPTIONS) == {param.name for param in cli.params}
