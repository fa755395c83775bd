"""Prices of endpoints at a time, as OpenRouter writes them. Pure.

Amounts are integers in units of 1e-14 USD per token: discounts in percent are exact, and
no price is ever a float. Prices are written as decimal strings without exponent, the
discount as a JSON number.
"""

from functools import lru_cache

from fetcher.simulator.openrouter.world import Endpoint, Model
from fetcher.simulator.world.rhythms import DAY, HOUR, MINUTE, Rhythm, count
from fetcher.simulator.world.seeded_random import chance, draw, integer, log_uniform, pick, unit
from fetcher.simulator.world.world import Json, World

DIGITS = 14
ROUTER_PRICING: Json = {"prompt": "-1", "completion": "-1"}


def spell(amount: int, digits: int = DIGITS) -> str:
    """Returns `amount * 10**-digits` as a decimal string without exponent or trailing zeros.

    Law: `Decimal(spell(n)) == Decimal(n).scaleb(-14)` for every n >= 0.
    """
    whole_part, fraction = divmod(amount, 10**digits)
    decimals = f"{fraction:0{digits}d}".rstrip("0")
    return f"{whole_part}.{decimals}" if decimals else str(whole_part)


@lru_cache(maxsize=1 << 15)
def _base(seed: int, uuid: str, slot: int) -> tuple[int, int]:
    prompt = log_uniform(4e-8, 6e-6, seed, "or base", slot) * (0.8 + 0.5 * unit(seed, uuid))
    ratio = pick((2, 3, 4, 5, 8), seed, "or ratio", slot)
    cents = max(1, round(prompt * 1e8))
    return cents * 10**6, cents * ratio * 10**6


def list_price(world: World, endpoint: Endpoint, now_us: int) -> tuple[int, int]:
    """Returns the prices of prompt and completion before discount; they change over weeks."""
    prompt, completion = _base(world.seed, endpoint.uuid, endpoint.model.slot)
    key = ("or price", endpoint.uuid)
    period = int(log_uniform(4 * DAY, 40 * DAY, world.seed, *key))
    turn = count(Rhythm(world.seed, key, period), now_us)
    per_cent = pick((70, 80, 85, 90, 95, 100, 110, 125, 140), world.seed, *key, "step", turn)
    return prompt * per_cent // 100, completion * per_cent // 100


def discount(world: World, endpoint: Endpoint, now_us: int) -> int:
    """Returns the discount in percent; most endpoints never have one."""
    key = ("or discount", endpoint.uuid)
    if chance(0.75, world.seed, *key):
        return 0
    dynamic = chance(0.2, world.seed, *key, "dynamic")
    turn = count(Rhythm(world.seed, key, 7 * HOUR if dynamic else 3 * DAY), now_us)
    return pick((0, 10, 25, 33, 50, 65, 66), world.seed, *key, turn)


def pricing(world: World, endpoint: Endpoint, now_us: int) -> Json:
    """Returns the `pricing` object of an endpoint, with the discount already subtracted."""
    if endpoint.variant == "free":
        return {"prompt": "0", "completion": "0"}
    if endpoint.model.output == "image":
        return {"prompt": "0", "completion": "0", "image_output": "0.00004"}
    off = discount(world, endpoint, now_us)
    half = 50 if endpoint.variant == "batch" else 100
    prompt, completion = (
        price * half // 100 * (100 - off) // 100 for price in list_price(world, endpoint, now_us)
    )
    members: Json = {"prompt": spell(prompt), "completion": spell(completion)}
    members |= _extras(world.seed, endpoint.model, prompt)
    windows = _overrides(world, endpoint.model, prompt, completion)
    if windows:
        members |= _current_window(windows, now_us)
        members["overrides"] = windows
    return members


def _extras(seed: int, model: Model, prompt: int) -> Json:
    key = ("or extras", model.slot)
    kinds = draw(seed, *key)
    members: Json = {}
    if kinds & 1:
        members["web_search"] = pick(("0.01", "0.014", "0.005"), seed, *key)
    if kinds & 6:
        members["input_cache_read"] = spell(prompt // 10)
    if kinds & 24 == 24:  # as many digits as OpenRouter ever sends
        members["input_cache_write"] = spell(prompt * 10**8 // 18, DIGITS + 8)
    return members


def _overrides(world: World, model: Model, prompt: int, completion: int) -> list[Json]:
    kind = integer(0, 9, world.seed, "or overrides", model.slot)
    if kind == 0:
        dear = {"prompt": spell(prompt * 2), "completion": spell(completion * 3 // 2)}
        return [{"min_prompt_tokens": 200_000, **dear}]
    if kind == 1:
        day = {"prompt": spell(prompt), "completion": spell(completion)}
        night = {"prompt": spell(prompt // 2), "completion": spell(completion // 2)}
        return [
            {"utc_start": 30, "utc_end": 1630, **day},
            {"utc_start": 1630, "utc_end": 30, **night},
        ]
    return []


def _current_window(windows: list[Json], now_us: int) -> Json:
    hour, minute = divmod(now_us % DAY // MINUTE, 60)
    clock = hour * 100 + minute
    for window in windows:
        start, end = window.get("utc_start"), window.get("utc_end")
        if not isinstance(start, int) or not isinstance(end, int):
            continue
        inside = start <= clock < end if start < end else clock >= start or clock < end
        if inside:
            return {"prompt": window["prompt"], "completion": window["completion"]}
    return {}
