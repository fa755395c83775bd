"""What goes wrong between an upstream and its client, as a plan that can be repeated.

    429:0.05,stall:0.01:5,503@/api/v1/models*#1,hostile.nan@*/images*#2

`kind:rate` strikes that part of all requests (`:seconds` for the kinds that wait);
`kind@glob#n` strikes the nth request of each address that matches, `#*` every one. A kind may
name one of its forms after a dot. Whether a request is struck depends on the seed, its
address and how often that address was asked for, never on the order of others: a plan
strikes concurrent crawlers alike. Pure.
"""

from fnmatch import fnmatchcase

import attrs

from fetcher.simulator.faults.hostile_bodies import HOSTILE
from fetcher.simulator.world.seeded_random import Key, draw, pick, unit

FORMS: dict[str, tuple[str, ...]] = {
    "404": (),
    "429": ("bare", "seconds", "date", "negative", "days"),
    "500": (),
    "502": ("html",),
    "503": ("json", "html"),
    "504": ("html",),
    "520": ("html",),
    "html": (),
    "cut": (),
    "torn": (),
    "stall": (),
    "slow": (),
    "repeat": (),
    "empty": (),
    "stale": (),
    "redirect": (),
    "hostile": tuple(HOSTILE),
    "drift": ("number", "key"),
    "cursor": (),
    "wronglength": (),
    "gzipbomb": (),
}
"""Every kind, with its forms if it has some."""

SECONDS = {"stall": 60.0, "slow": 2.0, "stale": 300.0}
"""The kinds that wait, or are old, and for how long unless the plan says otherwise."""


@attrs.frozen
class Rate:
    """A kind that strikes a part of all requests."""

    kind: str
    rate: float
    seconds: float


@attrs.frozen
class Scripted:
    """A kind that strikes the nth request of each address that matches; 0 is every one."""

    kind: str
    glob: str
    nth: int
    seconds: float


@attrs.frozen
class Faults:
    """A plan: what is scripted comes first, then chance."""

    rates: tuple[Rate, ...] = ()
    script: tuple[Scripted, ...] = ()


@attrs.frozen
class Fault:
    """What happens to one request."""

    kind: str
    form: str
    seconds: float
    choice: int
    """64 bits for whatever else must be chosen."""


NO_FAULTS = Faults()


def parse_faults(text: str) -> Faults:
    """The plan a text describes; the empty text and `none` describe no faults.

    Raises `ValueError` with the part that was found and what is accepted there.
    """
    parts = [part.strip() for part in text.split(",") if part.strip() not in ("", "none")]
    rates = tuple(_rate(part) for part in parts if "@" not in part)
    if sum(each.rate for each in rates) > 1:
        total = sum(each.rate for each in rates)
        raise ValueError(f"found rates that add up to {total:g}; accepted: at most 1 together")
    return Faults(rates, tuple(_scripted(part) for part in parts if "@" in part))


def _rate(part: str) -> Rate:
    kind, *numbers = part.split(":")
    if not 1 <= len(numbers) <= 2:
        raise ValueError(f"found {part!r}; accepted: kind:rate, kind:rate:seconds or kind@glob#n")
    rate = _positive(part, numbers[0], "a rate")
    if rate > 1:
        raise ValueError(f"found rate {numbers[0]} in {part!r}; accepted: 0 to 1")
    return Rate(_known(kind), rate, _seconds(part, kind, numbers[1:]))


def _scripted(part: str) -> Scripted:
    kind, _, rest = part.partition("@")
    kind, *numbers = kind.split(":")
    glob, mark, nth = rest.rpartition("#")
    if not mark or not glob or not (nth == "*" or (nth.isascii() and nth.isdigit())):
        raise ValueError(f"found {part!r}; accepted: kind@glob#n with n from 1 on, or * for every")
    times = 0 if nth == "*" else int(nth)
    return Scripted(_known(kind), glob, times, _seconds(part, kind, numbers))


def _known(name: str) -> str:
    kind, dot, form = name.partition(".")
    if kind not in FORMS:
        raise ValueError(f"found the kind {kind!r}; accepted: {', '.join(FORMS)}")
    if dot and form not in FORMS[kind]:
        forms = ", ".join(FORMS[kind]) or "no forms"
        raise ValueError(f"found the form {form!r} of {kind}; accepted: {forms}")
    return name


def _seconds(part: str, name: str, numbers: list[str]) -> float:
    return _positive(part, numbers[0], "seconds") if numbers else SECONDS.get(name, 0.0)


def _positive(part: str, text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise ValueError(f"found {text!r} in {part!r}; accepted: {what} of 0 or more")
    return number


def choose(faults: Faults, seed: int, address: str, nth: int) -> Fault | None:
    """What strikes the nth request (from 1) of an address, a path with its query."""
    path = address.partition("?")[0]
    key: tuple[Key, ...] = ("fault", address, nth)
    for each in faults.script:
        hit = fnmatchcase(address, each.glob) or fnmatchcase(path, each.glob)
        if hit and each.nth in (0, nth):
            return _fault(each.kind, each.seconds, seed, key)
    at = unit(seed, *key)
    for rate in faults.rates:
        if at < rate.rate:
            found = _fault(rate.kind, rate.seconds, seed, key)
            return None if found.kind == "cursor" and "cursor=" not in address else found
        at -= rate.rate
    return None


def _fault(name: str, seconds: float, seed: int, key: tuple[Key, ...]) -> Fault:
    kind, _, form = name.partition(".")
    forms = FORMS[kind] or ("",)
    return Fault(kind, form or pick(forms, seed, *key, "form"), seconds, draw(seed, *key, "choice"))
