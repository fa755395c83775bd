"""Templates: questions that are asked of the queue often, under a name. Pure.

images-of-model 4384 ──> the listing `images` with modelId=4384
"""

from collections.abc import Iterable, Mapping

import attrs

from eventlog.errors import Invalid


@attrs.frozen
class Query:
    """One run of a template."""

    what: str
    """A listing by its name, or a path of the source."""
    params: Mapping[str, str] = attrs.field(factory=dict)
    """Over those of the listing."""


@attrs.frozen
class Template:
    """A question that is asked of the queue often, under a name."""

    name: str
    queries: tuple[Query, ...]
    arg: str | None = None
    """The parameter that its argument gives, to each query; None: it takes none."""
    default: str | None = None
    """Of the argument; None: it must be given."""
    choices: tuple[str, ...] = ()
    """What the argument may be; none: anything."""
    until_known: bool = False
    """Whether it is enough to come to what is known already."""


def find_template(templates: Iterable[Template], name: str) -> Template | None:
    """The template of a name."""
    return next((each for each in templates if each.name == name), None)


def describe_templates(templates: Iterable[Template]) -> str:
    """What there is, for people: `images-of-model MODELID, top-images [PERIOD], …`."""
    return ", ".join(map(_described, templates))


def _described(template: Template) -> str:
    if template.arg is None:
        return template.name
    arg = template.arg.upper()
    return f"{template.name} [{arg}]" if template.default else f"{template.name} {arg}"


def argument_of(template: Template, arg: str | None) -> dict[str, str]:
    """The parameters that an argument gives. Raises `Invalid` where it is not what is taken."""
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
