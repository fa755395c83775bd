"""Plan of the faults between an upstream and its client; repeatable. Pure.

    429:0.05,stall:0.01:5,503@/api/v1/models*#1,hostile.nan@*/images*#2

`kind:rate` affects that share of all requests (`:seconds` for kinds with a duration).
`kind@glob#n` affects the nth request to each matching address, `#*` every request. A kind
may be followed by a dot and one of its forms. An address is a path with its query. Whether
a request is affected depends on the seed, its address and the number of requests to that
address so far, but not on other requests: concurrent crawlers meet the same faults.
"""

from fnmatch import fnmatchcase

import attrs

from fetcher.simulator.faults.encodings import ENCODINGS
from fetcher.simulator.faults.hostile_bodies import (
    CONTRADICTIONS,
    ENDLESS,
    HOSTILE,
    NOT_LISTS,
    ODD_IDS,
    UNNAMED,
)
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
    "unnamed": UNNAMED,
    "oddid": tuple(ODD_IDS),
    "notalist": NOT_LISTS,
    "errorbody": (),
    "contradiction": CONTRADICTIONS,
    "stale": (),
    "redirect": (),
    "hostile": tuple(HOSTILE),
    "drift": ("number", "key"),
    "cursor": (),
    "wronglength": (),
    "gzipbomb": (),
    "encoding": ENCODINGS,
    "bom": (),
    "badheader": (),
    "longheader": (),
    "endless": ENDLESS,
}
"""Every kind of fault, with its forms."""

SECONDS = {"stall": 60.0, "slow": 2.0, "stale": 300.0}
"""Default duration (or age, for `stale`) of the kinds that have one."""


@attrs.frozen
class Rate:
    """A kind of fault that affects a share of all requests."""

    kind: str
    rate: float
    seconds: float


@attrs.frozen
class Scripted:
    """A kind of fault that affects the nth request to matching addresses; 0: every request."""

    kind: str
    glob: str
    nth: int
    seconds: float


@attrs.frozen
class Faults:
    """Plan of faults; the script takes precedence over the rates."""

    rates: tuple[Rate, ...] = ()
    script: tuple[Scripted, ...] = ()


@attrs.frozen
class Fault:
    """Fault of one request."""

    kind: str
    form: str
    seconds: float
    choice: int
    """64 random bits for further choices."""


NO_FAULTS = Faults()


def parse_faults(text: str) -> Faults:
    """Parses a plan; an empty text and `none` mean no faults.

    Raises `ValueError` with the invalid part and what is accepted.
    """
    parts = [part.strip() for part in text.split(",") if part.strip() not in ("", "none")]
    rates = tuple(_rate(part) for part in parts if "@" not in part)
    if (total := sum(rate.rate for rate in rates)) > 1:
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


def _positive(part: str, text: str, expected: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise ValueError(f"found {text!r} in {part!r}; accepted: {expected} of 0 or more")
    return number


def choose(faults: Faults, seed: int, address: str, nth: int) -> Fault | None:
    """Returns the fault of the nth request to an address; the first request has n = 1."""
    path = address.partition("?")[0]
    key: tuple[Key, ...] = ("fault", address, nth)
    for scripted in faults.script:
        matches = fnmatchcase(address, scripted.glob) or fnmatchcase(path, scripted.glob)
        if matches and scripted.nth in (0, nth):
            return _fault(scripted.kind, scripted.seconds, seed, key)
    at = unit(seed, *key)
    for rate in faults.rates:
        if at < rate.rate:
            fault = _fault(rate.kind, rate.seconds, seed, key)
            return None if fault.kind == "cursor" and "cursor=" not in address else fault
        at -= rate.rate
    return None


def _fault(name: str, seconds: float, seed: int, key: tuple[Key, ...]) -> Fault:
    kind, _, form = name.partition(".")
    forms = FORMS[kind] or ("",)
    return Fault(kind, form or pick(forms, seed, *key, "form"), seconds, draw(seed, *key, "choice"))
