"""Random values without a generator: every value is a hash of a seed and a key. Pure.

Values are independent of the order in which they are computed, and the same in every
process.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeAlias, TypeVar

Key: TypeAlias = str | int
T = TypeVar("T")

_BLURHASH = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


def draw(seed: int, *key: Key) -> int:
    """Returns 64 random bits for a seed and a key."""
    text = "\x1f".join(map(str, (seed, *key)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def unit(seed: int, *key: Key) -> float:
    """Returns a float in [0, 1)."""
    return (draw(seed, *key) >> 11) * 2.0**-53


def chance(probability: float, seed: int, *key: Key) -> bool:
    """Returns True for that share of all keys."""
    return unit(seed, *key) < probability


def integer(low: int, high: int, seed: int, *key: Key) -> int:
    """Returns an int in [low, high], both included."""
    return low + draw(seed, *key) % (high - low + 1)


def log_uniform(low: float, high: float, seed: int, *key: Key) -> float:
    """Returns a log-uniformly distributed float between two positive bounds."""
    return float(low * (high / low) ** unit(seed, *key))


def pick(options: Sequence[T], seed: int, *key: Key) -> T:
    """Returns one of the options."""
    return options[draw(seed, *key) % len(options)]


def sample(options: Sequence[T], count: int, seed: int, *key: Key) -> list[T]:
    """Returns at most `count` different options in random order."""
    order = sorted(range(len(options)), key=lambda n: draw(seed, *key, n))
    return [options[n] for n in order[:count]]


def hex_digits(count: int, seed: int, *key: Key) -> str:
    """Returns `count` hex digits in upper case."""
    blocks = (f"{draw(seed, *key, n):016X}" for n in range((count + 15) // 16))
    return "".join(blocks)[:count]


def uuid(seed: int, *key: Key) -> str:
    """Returns a UUID of version 4 in lower case."""
    digits = hex_digits(32, seed, *key).lower()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def blurhash(seed: int, *key: Key) -> str:
    """Returns 36 characters of the blurhash alphabet."""
    return "U" + "".join(_BLURHASH[draw(seed, *key, n) % len(_BLURHASH)] for n in range(35))
