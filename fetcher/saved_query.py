"""Saved queries: named requests with one argument that people put into the queue. Pure.

    images-of-model 4384 ──> the listing `images` with modelId=4384

Messages and documentation call them templates.
"""

from collections.abc import Iterable, Mapping

import attrs

from eventlog.errors import Invalid


@attrs.frozen
class SavedRequest:
    """One run of a saved query."""

    target: str
    """Name of a listing, or path template of an endpoint."""
    params: Mapping[str, str] = attrs.field(factory=dict)
    """Parameters that replace or extend those of the listing."""


@attrs.frozen
class SavedQuery:
    """Named requests that take at most one argument."""

    name: str
    queries: tuple[SavedRequest, ...]
    arg: str | None = None
    """Parameter that the argument sets in every query, or several separated by `/`; None:
    no argument."""
    default: str | None = None
    """Default of the argument; None: the argument is required."""
    choices: tuple[str, ...] = ()
    """Allowed arguments; empty: any."""
    until_known: bool = False
    """Whether a run may stop at the first page without new entities."""


def find_template(templates: Iterable[SavedQuery], name: str) -> SavedQuery | None:
    """Returns the saved query with a name; None if there is none."""
    return next((template for template in templates if template.name == name), None)


def describe_templates(templates: Iterable[SavedQuery]) -> str:
    """Returns the usage of all saved queries: `images-of-model MODELID, top-images [PERIOD]`."""
    return ", ".join(map(_usage, templates))


def _usage(template: SavedQuery) -> str:
    if template.arg is None:
        return template.name
    arg = template.arg.upper()
    return f"{template.name} [{arg}]" if template.default else f"{template.name} {arg}"


def argument_of(template: SavedQuery, arg: str | None) -> dict[str, str]:
    """Returns the parameters that an argument sets. Raises `Invalid` if it is missing,
    superfluous or not allowed."""
    if template.arg is None:
        if arg is not None:
            raise Invalid(f"{template.name} takes no argument, found {arg!r}")
        return {}
    value = arg or template.default
    if value is None:
        raise Invalid(f"{template.name}: expected {template.arg}")
    if template.choices and value not in template.choices:
        expected = ", ".join(template.choices)
        raise Invalid(f"{template.name} {value!r}: expected one of {expected}")
    names = template.arg.split("/")
    values = value.split("/", len(names) - 1)
    if len(values) != len(names) or not all(values):
        raise Invalid(f"{template.name} {value!r}: expected {template.arg}")
    return dict(zip(names, values, strict=True))
