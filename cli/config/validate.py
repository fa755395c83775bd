"""Validation: converts TOML tables to a `Config` or raises a list of all problems.

Unknown keys and values of another type are errors: "5" is not 5, true is not 1. Pure.
cattrs is imported where it is used, to keep `--help` fast.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import attrs

from cli.config.listings import listing_problems, nearest
from cli.config.settings import (
    SOURCE_DEFAULTS,
    Config,
    ParamValues,
    SourceSettings,
    key_types,
    variable_name,
)
from eventlog.errors import Invalid

Tree = dict[str, Any]
"""Nested tables."""

_SECRET_NAME = re.compile("key|token|secret|password", re.IGNORECASE)


def structure_config(layers: Iterable[Tree], place: Callable[[str], str]) -> Config:
    """Returns the defaults overridden by each layer in turn.

    Raises `Invalid` with one line per problem. `place` converts the dotted key of a problem
    to its location for the user.
    """
    import cattrs

    defaults = {name: attrs.asdict(source) for name, source in SOURCE_DEFAULTS.items()}
    tree: Tree = {}
    for layer in ({"source": defaults}, *layers):
        tree = _merged(tree, layer)
    try:
        config: Config = _converter().structure(tree, Config)
    except cattrs.BaseValidationError as error:
        lines = [f"{place('.'.join(path))}: {what}" for path, what in _problems(error, ())]
        raise Invalid("\n".join(lines), _hint(lines)) from error
    wrong = [f"{place('.'.join(path))}: {what}" for path, what in listing_problems(config)]
    if wrong:
        raise Invalid("\n".join(wrong), "hindlog fetch sources")
    return config


def _merged(under: Tree, over: Tree) -> Tree:
    both = {
        name: _merged(under[name], value)
        for name, value in over.items()
        if isinstance(under.get(name), dict) and isinstance(value, dict)
    }
    return {**under, **over, **both}


@cache
def _converter() -> Any:
    """Returns the converter of all tables; to make one takes longer than to use it."""
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=True)
    every_source: Any = attrs.make_class(
        "Sources", {name: attrs.field(type=SourceSettings) for name in SOURCE_DEFAULTS}, frozen=True
    )

    def sources_hook(value: object, _: object) -> dict[str, SourceSettings]:
        return attrs.asdict(converter.structure(value, every_source), recurse=False)

    converter.register_structure_hook_factory(attrs.has, partial(_table_hook, converter))
    converter.register_structure_hook_func(
        lambda kind: kind == Mapping[str, SourceSettings], sources_hook
    )
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    converter.register_structure_hook_func(lambda kind: kind is ParamValues, _param_values)
    # cattrs alone would convert "5" to 5, true to 1, "abc" to a list of letters
    converter.register_structure_hook(str, lambda value, _: _expect(value, str, "text"))
    converter.register_structure_hook(int, lambda value, _: _expect(value, int, "a whole number"))
    converter.register_structure_hook(bool, lambda value, _: _expect(value, bool, "true or false"))
    converter.register_structure_hook(
        float, lambda value, _: float(_expect(value, (int, float), "a number"))
    )
    return converter


def _table_hook(converter: Any, cls: Any) -> Callable[[object, object], object]:
    from cattrs.gen import make_dict_structure_fn, override

    def checked(field: "attrs.Attribute[Any]") -> Callable[[object, object], object]:
        # checked here and not in the constructor, so that the error contains the key
        def read(raw: object, kind: object) -> object:
            value = converter.structure(raw, kind)
            if field.validator:
                field.validator(None, field, value)
            return value

        return read

    hooks: Any = {field.name: override(struct_hook=checked(field)) for field in attrs.fields(cls)}
    read = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **hooks)
    return lambda raw, kind: read(_expect(raw, dict, "a table"), kind)


def _texts(value: object, _: object) -> tuple[str, ...]:
    return tuple(_expect(text, str, "a list of texts") for text in _expect(value, list, "a list"))


def _param_values(value: object, _: object) -> tuple[str, ...]:
    """Returns the values of a parameter as texts, as they are sent: true, 7."""
    values = value if isinstance(value, list) else [value]
    scalar, name = (str, int, bool), "a text, a number, true, false, or a list of these"
    if not values or not all(isinstance(item, scalar) and item != "" for item in values):
        raise TypeError(f"expected {name}, found {ascii(value)[:60]}")
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)


def _expect(value: Any, kind: type | tuple[type, ...], name: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        shown = "a table" if isinstance(value, dict) else ascii(value)[:60]
        raise TypeError(f"expected {name}, found {shown}")
    return value


def _problems(error: Exception, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    from cattrs.errors import (
        AttributeValidationNote,
        ClassValidationError,
        ForbiddenExtraKeysError,
        IterableValidationError,
    )

    if isinstance(error, ClassValidationError | IterableValidationError):
        placed, others = error.group_exceptions()
        for inner, note in placed:
            name = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _problems(inner, (*path, str(name)))
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
    elsewhere = [key for key in key_types() if key.rpartition(".")[2] == name]
    # a known name in the wrong table
    return elsewhere[0] if elsewhere else ".".join((*path, nearest(name, siblings)))


def _hint(problems: Iterable[str]) -> str | None:
    unknown = (line.partition(": unknown key")[0] for line in problems if ": unknown key" in line)
    if any(_SECRET_NAME.search(place.rpartition(".")[2]) for place in unknown):
        keys = ", ".join(variable_name(f"{name}.api_key") for name in SOURCE_DEFAULTS)
        return f"secrets are read from the environment: {keys}, AWS_SECRET_ACCESS_KEY"
    return None
