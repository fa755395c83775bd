"""Configuration: `hindlog.toml` and the environment, read into settings.

    flag > HINDLOG_* > hindlog.toml > default

Every key has a variable: `source.civitai.base_url` is `HINDLOG_CIVITAI_BASE_URL`; an
empty variable counts as unset. Nothing is guessed: a key or a value that is not known
is an error that names its place. Secrets are no configuration, they come from the
environment by `secrets` alone. Flags belong to the commands and win there. Reads
files, writes none.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from cli.config.settings import SOURCES, Config, sections, types, values, variable
from cli.config.validate import Tree, nearest, structure
from eventlog.errors import Invalid, LocalResource, NoArchive

FILE = "hindlog.toml"
ARCHIVE_VARIABLE = "HINDLOG_ARCHIVE"
AWS_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_HEAD = f"""\
# The configuration of this archive. What is commented out shows its default,
# or an example where there is none.
# Every key can be overridden by a variable, here for example {variable("source.civitai.base_url")}.
# Secrets never stand here: {variable("source.civitai.api_key")},
# {variable("source.openrouter.api_key")}, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read
# from the environment.
"""


@attrs.frozen
class Secrets:
    """Keys, by source and by their AWS name; a `repr` does not show them."""

    api_keys: Mapping[str, str] = attrs.field(repr=False)
    aws: Mapping[str, str] = attrs.field(repr=False)


def find_archive(flag: str | None, env: Mapping[str, str], cwd: Path) -> Path:
    """The archive that a command means, absolute: a folder with a `hindlog.toml`.

    The flag, else HINDLOG_ARCHIVE, else the nearest folder from `cwd` upwards, else
    `data` in `cwd`. Raises `NoArchive`; where a place was named no other is tried.
    """
    here = cwd.absolute()
    if named := flag or env.get(ARCHIVE_VARIABLE):
        place = here / Path(named).expanduser()
        if (place / FILE).is_file():
            return place
        origin = "-C" if flag else ARCHIVE_VARIABLE
        raise NoArchive(f"{place}: no {FILE} there ({origin} names it)", f"hindlog init {named}")
    for place in (here, *here.parents, here / "data"):
        if (place / FILE).is_file():
            return place
    raise NoArchive(f"{here}: no {FILE} here, above, or in data", "hindlog init")


def load_config(archive: Path, env: Mapping[str, str], file: Path | None = None) -> Config:
    """What holds for the archive; `file` is read instead of its `hindlog.toml`.

    A table that is left out has its defaults. Raises `Invalid` with a line for each key
    that is not known, naming the nearest that is, and for each wrong value; `NoArchive`
    where the archive has no file.
    """
    return structure(_layers(archive, env, file), place=variable)


def origins(
    archive: Path, env: Mapping[str, str], file: Path | None = None
) -> dict[str, tuple[object, str]]:
    """Every dotted key with its value and its origin.

    `default`, the name of the file, or the name of the variable. Raises as
    `load_config` does.
    """
    from_file, from_env = _layers(archive, env, file)
    name = FILE if file is None else str(file)
    places = dict.fromkeys(_leaves(from_file), name)
    places |= {key: variable(key) for key in _leaves(from_env)}
    found = values(load_config(archive, env, file))
    return {key: (value, places.get(key, "default")) for key, value in found.items()}


def secrets(env: Mapping[str, str]) -> Secrets:
    """The keys that the environment holds, or files that it names.

    HINDLOG_CIVITAI_API_KEY, or a path in HINDLOG_CIVITAI_API_KEY_FILE; for the mirror
    the names that AWS gave. What is not set is left out. Raises `LocalResource` for a
    file that cannot be read.
    """
    keys = {name: _secret(env, variable(f"{name}.api_key")) for name in SOURCES}
    aws = {name: _secret(env, name) for name in AWS_VARIABLES}
    return Secrets(
        {name: key for name, key in keys.items() if key},
        {name: key for name, key in aws.items() if key},
    )


def default_toml(sources: Collection[str] = tuple(SOURCES)) -> str:
    """The text of a new `hindlog.toml`: every key with its meaning and default.

    Sources that are not named are switched off. Law: it loads to the defaults, with
    `enabled` of those sources false. Raises `Invalid` for a source that is not known.
    """
    for name in sources:
        if name not in SOURCES:
            raise Invalid(f"source: expected one of {', '.join(SOURCES)}, found {name!a}")
    off = {f"source.{name}" for name in SOURCES if name not in sources}
    tables = sections(Config()).items()
    return "\n".join([_HEAD, *(_toml(name, table, name in off) for name, table in tables)])


def _layers(archive: Path, env: Mapping[str, str], file: Path | None) -> tuple[Tree, Tree]:
    path = file or archive / FILE
    from_file = _read(path, named=file is not None)
    # alone first: what is wrong in the file is wrong also where a variable hides it
    structure((from_file,), place=lambda key: f"{path}: {key}")
    return from_file, _from_env(env)


def _read(path: Path, named: bool) -> Tree:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        if named:
            raise Invalid(f"{path}: no such file (--config names it)") from error
        raise NoArchive(f"{path.parent}: no {path.name} there", "hindlog init") from error
    except OSError as error:
        raise LocalResource(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"{path}: expected TOML, found: {error}") from error


def _from_env(env: Mapping[str, str]) -> Tree:
    problems = list(_unknown_variables(env))
    tree: Tree = {}
    for key, kind in types().items():
        if not (text := env.get(variable(key))):
            continue
        try:
            _plant(tree, key, _parse(kind, text))
        except ValueError as error:
            problems.append(f"{variable(key)}: {error}")
    if problems:
        raise Invalid("\n".join(problems))
    return tree


def _plant(tree: Tree, key: str, value: object) -> None:
    *tables, last = key.split(".")
    for name in tables:
        tree = tree.setdefault(name, {})
    tree[last] = value


def _unknown_variables(env: Mapping[str, str]) -> Iterator[str]:
    known = [variable(key) for key in types()]
    keys = [variable(f"{name}.api_key") for name in SOURCES]
    known += [*keys, *(f"{name}_FILE" for name in keys)]
    # HINDLOG_LOG_… is left alone: flags of the program have variables there
    prefixes = tuple(f"{variable(name)}_" for name in (*SOURCES, "mirror"))
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
    if kind == tuple[str, ...] | None:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
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
        elif field.default is not attrs.NOTHING:  # what differs between sources counts
            line = f"# {line}"
        lines += [f"# {field.metadata['doc']}", line]
    return "\n".join(lines) + "\n"
