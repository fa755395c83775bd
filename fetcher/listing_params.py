"""Parameters of a listing that the configuration may set. Pure.

models, baseModels = ["Pony", "SDXL 1.0"]  ──>  two requests of the listing `models`
"""

from collections.abc import Mapping, Sequence
from itertools import product

import attrs


@attrs.frozen
class ListingParam:
    """A parameter that restricts what a listing contains, or how its entities look.

    Whatever it leaves out must not count as absent: the scope of the endpoint must contain it.
    """

    name: str
    doc: str
    """What a value is, such as `the name of a creator`."""
    choices: tuple[str, ...] = ()
    """Allowed values; empty: any."""


ChosenParams = Mapping[str, Mapping[str, Sequence[str]]]
"""Values of parameters, by listing and parameter."""


def param_sets(
    params: Mapping[str, str], chosen: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], ...]:
    """Returns the parameters of each request: one for each combination of the chosen values."""
    return tuple(
        {**params, **dict(zip(chosen, values, strict=True))} for values in product(*chosen.values())
    )
