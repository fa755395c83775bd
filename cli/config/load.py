"""Configuration: reads `hindlog.toml` and the environment.

    flag > HINDLOG_* > hindlog.toml > default

Every key has a variable: `source.civitai.base_url` is `HINDLOG_CIVITAI_BASE_URL`; an
empty variable counts as unset. Unknown keys and invalid values are errors that name their
location. Secrets are not part of the configuration: `read_secrets` reads them from the
environment. Command-line flags are handled by the commands. Reads files, writes none.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from cli.config.listings import nearest
from cli.config.settings import (
    SOURCE_DEFAULTS,
    Config,
    ListingParams,
    config_tables,
    key_types,
    key_values,
    variable_name,
)
from cli.config.validate import Tree, structure_config
from eventlog.errors import Invalid, LocalResource, NoArchive

CONFIG_FILE = "hindlog.toml"
ARCHIVE_VARIABLE = "HINDLOG_ARCHIVE"
AWS_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_EXAMPLE = variable_name("source.civitai.base_url")
_KEYS = [variable_name(f"source.{name}.api_key") for name in ("civitai", "openrouter")]
_PARAMS_EXAMPLE = '{"models": {"nsfw": false}}'
_HEAD = f"""\
# The configuration of this archive. Lines that are commented out show the default,
# or an example if there is no default.
# An environment variable overrides each key, for example {_EXAMPLE}.
# Secrets do not belong here: {_KEYS[0]}, {_KEYS[1]},
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read from the environment.
"""


@attrs.frozen
class Secrets:
    """API keys by source, AWS credentials by variable; `repr` does not show them."""

    api_keys: Mapping[str, str] = attrs.field(repr=False)
    aws: Mapping[str, str] = attrs.field(repr=False)


def find_archive(flag: str | None, env: Mapping[str, str], cwd: Path) -> Path:
    """Returns the absolute path of the archive: a folder that contains `hindlog.toml`.

    It is the first of: the flag, HINDLOG_ARCHIVE, the nearest folder from `cwd` upwards,
    `data` in `cwd`. Raises `NoArchive`, also if flag or variable name another folder.
    """
    here = cwd.absolute()
    if named := flag or env.get(ARCHIVE_VARIABLE):
        place = here / Path(named).expanduser()
        if (place / CONFIG_FILE).is_file():
            return place
        origin = "-C" if flag else ARCHIVE_VARIABLE
        raise NoArchive(
            f"{place}: no {CONFIG_FILE} there (named by {origin})", f"hindlog init {named}"
        )
    for place in (here, *here.parents, here / "data"):
        if (place / CONFIG_FILE).is_file():
            return place
    raise NoArchive(f"{here}: no {CONFIG_FILE} here, above, or in data", "hindlog init")


def load_config(archive: Path, env: Mapping[str, str], file: Path | None = None) -> Config:
    """Returns the configuration of an archive; `file` replaces its `hindlog.toml`.

    Missing tables and keys have their defaults. Raises `Invalid` with a line for each
    unknown key, which names the most similar known one, and for each invalid value;
    `NoArchive` if the archive has no `hindlog.toml`.
    """
    return structure_config(_layers(archive, env, file), place=variable_name)


def values_with_origin(
    archive: Path, env: Mapping[str, str], file: Path | None = None
) -> dict[str, tuple[object, str]]:
    """Returns value and origin of every dotted key.

    The origin is `default`, the name of the file, or the name of the variable. Raises as
    `load_config` does.
    """
    from_file, from_env = _layers(archive, env, file)
    name = CONFIG_FILE if file is None else str(file)
    places = dict.fromkeys(_leaves(from_file), name)
    places |= {key: variable_name(key) for key in _leaves(from_env)}
    config = key_values(load_config(archive, env, file))
    return {key: (value, places.get(key, "default")) for key, value in config.items()}


def read_secrets(env: Mapping[str, str]) -> Secrets:
    """Returns the API keys and credentials that are set in the environment.

    A key is in HINDLOG_CIVITAI_API_KEY, or in the file that HINDLOG_CIVITAI_API_KEY_FILE
    names; the mirror uses the variables of AWS. Raises `LocalResource` for a file that
    cannot be read.
    """
    keys = {name: _secret(env, variable_name(f"{name}.api_key")) for name in SOURCE_DEFAULTS}
    aws = {name: _secret(env, name) for name in AWS_VARIABLES}
    return Secrets(
        {name: key for name, key in keys.items() if key},
        {name: key for name, key in aws.items() if key},
    )


def default_toml(sources: Collection[str] = tuple(SOURCE_DEFAULTS)) -> str:
    """Returns the text of a new `hindlog.toml`: every key with its meaning and default.

    Disables the sources that are not named. Law: the text loads to the defaults, except
    for `enabled` of those sources. Raises `Invalid` for an unknown source.
    """
    for name in sources:
        if name not in SOURCE_DEFAULTS:
            raise Invalid(f"source: expected one of {', '.join(SOURCE_DEFAULTS)}, found {name!a}")
    off = {f"source.{name}" for name in SOURCE_DEFAULTS if name not in sources}
    tables = config_tables(Config()).items()
    return "\n".join([_HEAD, *(_toml(name, table, name in off) for name, table in tables)])


def with_mirror(toml: str, url: str) -> str:
    """Returns the text of a new configuration with the address of a bucket."""
    lines = toml.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith("# url = "))
    return "".join([*lines[:at], f"url = {json.dumps(url)}\n", *lines[at + 1 :]])


def _layers(archive: Path, env: Mapping[str, str], file: Path | None) -> tuple[Tree, Tree]:
    path = file or archive / CONFIG_FILE
    from_file = _read(path, named=file is not None)
    # the file alone first: its errors count even if a variable overrides the key
    structure_config((from_file,), place=lambda key: f"{path}: {key}")
    return from_file, _from_env(env)


def _read(path: Path, named: bool) -> Tree:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        if named:
            raise Invalid(f"{path}: no such file (named by --config)") from error
        raise NoArchive(f"{path.parent}: no {path.name} there", "hindlog init") from error
    except OSError as error:
        raise LocalResource(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"{path}: expected TOML, found: {error}") from error


def _from_env(env: Mapping[str, str]) -> Tree:
    problems = list(_unknown_variables(env))
    tree: Tree = {}
    for key, kind in key_types().items():
        if not (text := env.get(variable_name(key))):
            continue
        try:
            _set(tree, key, _parse(kind, text))
        except ValueError as error:
            problems.append(f"{variable_name(key)}: {error}")
    if problems:
        raise Invalid("\n".join(problems))
    return tree


def _set(tree: Tree, key: str, value: object) -> None:
    *tables, last = key.split(".")
    for name in tables:
        tree = tree.setdefault(name, {})
    tree[last] = value


def _unknown_variables(env: Mapping[str, str]) -> Iterator[str]:
    known = [variable_name(key) for key in key_types()]
    keys = [variable_name(f"{name}.api_key") for name in SOURCE_DEFAULTS]
    known += [*keys, *(f"{name}_FILE" for name in keys)]
    # HINDLOG_LOG_… is not checked: options of the program have variables of this prefix
    prefixes = tuple(f"{variable_name(name)}_" for name in (*SOURCE_DEFAULTS, "mirror"))
    for name in env:
        if name.startswith(prefixes) and name not in known:
            yield f"{name}: unknown variable; the nearest known one is {nearest(name, known)}"


def _parse(kind: object, text: str) -> object:
    if kind is bool:
        if text not in ("true", "false", "1", "0"):
            raise ValueError(f"expected true or false, found {text!a}")
        return text in ("true", "1")
    if kind in (int, int | None):
        if not re.fullmatch("-?[0-9]{1,18}", text):
            raise ValueError(f"expected a whole number, found {text!a}")
        return int(text)
    if kind is float:
        if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
            raise ValueError(f"expected a number, found {text!a}")
        return float(text)
    if kind == ListingParams:
        return _parse_params(text)
    if kind == tuple[str, ...] | None:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _parse_params(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"expected JSON such as {_PARAMS_EXAMPLE}, found {text!a}") from error


def _leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict) and ".".join((*path, name)) not in key_types():
            yield from _leaves(value, (*path, name))
        else:
            yield ".".join((*path, name))


def _secret(env: Mapping[str, str], name: str) -> str | None:
    if value := env.get(name, "").strip():
        return value
    if not (path := env.get(f"{name}_FILE")):
        return None
    try:
        return Path(path).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalResource(f"{path}: expected a readable file with a key ({name}_FILE)") from error


def _toml(name: str, table: Any, off: bool) -> str:
    lines = [f"# {type(table).__doc__}", f"[{name}]"]
    for field in attrs.fields(type(table)):
        value = getattr(table, field.name)
        shown = field.metadata["example"] if value is None else value
        line = f"{field.name} = {json.dumps(shown)}"
        if field.name == "enabled" and off:
            line = "enabled = false"
        elif field.default is not attrs.NOTHING:  # keys without a common default are always written
            line = f"# {line}"
        lines += [f"# {field.metadata['doc']}", line]
    return "\n".join(lines) + "\n"
