"""Structure: tables as TOML has them become settings, or a list of what is wrong.

Strict: no key that is not known, no value of another type ("5" is no 5, true is no 1).
Pure. cattrs is imported where it is used: help must answer at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import attrs

from cli.config.settings import SOURCES, Config, Source, types, variable
from eventlog.errors import Invalid

Tree = dict[str, Any]
"""Tables within tables."""

_SECRETIVE = re.compile("key|token|secret|password", re.IGNORECASE)


def structure(layers: Iterable[Tree], place: Callable[[str], str]) -> Config:
    """The settings that the layers give over the defaults, the last one winning.

    Raises `Invalid` with one line for each problem; `place` turns the dotted key of a
    problem into words the reader finds it by.
    """
    import cattrs

    defaults = {name: attrs.asdict(source) for name, source in SOURCES.items()}
    tree: Tree = {}
    for layer in ({"source": defaults}, *layers):
        tree = _merged(tree, layer)
    try:
        config: Config = _converter().structure(tree, Config)
    except cattrs.BaseValidationError as error:
        lines = [f"{place('.'.join(path))}: {what}" for path, what in _problems(error, ())]
        raise Invalid("\n".join(lines), _hint(lines)) from error
    return config


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of `known`, never empty, that is spelled most like `name`."""
    return get_close_matches(name, list(known), n=1, cutoff=0)[0]


def _merged(under: Tree, over: Tree) -> Tree:
    both = {
        name: _merged(under[name], value)
        for name, value in over.items()
        if isinstance(under.get(name), dict) and isinstance(value, dict)
    }
    return {**under, **over, **both}


def _converter() -> Any:
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=True)
    every_source: Any = attrs.make_class(
        "Sources", {name: attrs.field(type=Source) for name in SOURCES}, frozen=True
    )

    def of_sources(found: object, _: object) -> dict[str, Source]:
        return attrs.asdict(converter.structure(found, every_source), recurse=False)

    converter.register_structure_hook_factory(attrs.has, partial(_table_hook, converter))
    converter.register_structure_hook_func(lambda kind: kind == Mapping[str, Source], of_sources)
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    # cattrs would coerce: "5" to 5, true to 1, "abc" to a list of letters
    converter.register_structure_hook(str, lambda found, _: _expect(found, str, "text"))
    converter.register_structure_hook(int, lambda found, _: _expect(found, int, "a whole number"))
    converter.register_structure_hook(bool, lambda found, _: _expect(found, bool, "true or false"))
    converter.register_structure_hook(
        float, lambda found, _: float(_expect(found, (int, float), "a number"))
    )
    return converter


def _table_hook(converter: Any, cls: Any) -> Callable[[object, object], object]:
    from cattrs.gen import make_dict_structure_fn, override

    def checked(field: "attrs.Attribute[Any]") -> Callable[[object, object], object]:
        # here and not when the value is made: so the error knows its key
        def read(found: object, kind: object) -> object:
            value = converter.structure(found, kind)
            if field.validator:
                field.validator(None, field, value)
            return value

        return read

    hooks: Any = {field.name: override(struct_hook=checked(field)) for field in attrs.fields(cls)}
    read = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **hooks)
    return lambda found, kind: read(_expect(found, dict, "a table"), kind)


def _texts(found: object, _: object) -> tuple[str, ...]:
    return tuple(_expect(text, str, "a list of texts") for text in _expect(found, list, "a list"))


def _expect(found: Any, kind: type | tuple[type, ...], name: str) -> Any:
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        shown = "a table" if isinstance(found, dict) else ascii(found)[:60]
        raise TypeError(f"expected {name}, found {shown}")
    return found


def _problems(error: Exception, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

    if isinstance(error, ClassValidationError):
        placed, others = error.group_exceptions()
        for inner, note in placed:
            yield from _problems(inner, (*path, note.name))
        for inner in others:
            yield from _problems(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        for name in sorted(error.extra_fields):
            closest = _nearest_key(name, known, path)
            yield (*path, name), f"unknown key; the nearest known one is {closest}"
    else:
        yield path, str(error)


def _nearest_key(name: str, siblings: Iterable[str], path: tuple[str, ...]) -> str:
    elsewhere = [key for key in types() if key.rpartition(".")[2] == name]
    # a right name in the wrong table
    return elsewhere[0] if elsewhere else ".".join((*path, nearest(name, siblings)))


def _hint(problems: Iterable[str]) -> str | None:
    unknown = (line.partition(": unknown key")[0] for line in problems if ": unknown key" in line)
    if any(_SECRETIVE.search(place.rpartition(".")[2]) for place in unknown):
        keys = ", ".join(variable(f"{name}.api_key") for name in SOURCES)
        return f"secrets are read from the environment: {keys}, AWS_SECRET_ACCESS_KEY"
    return None
