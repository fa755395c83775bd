"""What a provider bills for a month of storage and requests. Pure; all prices are in one table.

    Usage ──> Tariff ──> Bill

Providers bill started units: GB-months, and millions of requests. What is free is free per
account and month; another bucket of the same account may have used it.
"""

from decimal import Decimal

import attrs

GB = 1_000_000_000
MILLION = 1_000_000
CENT = Decimal("0.01")


@attrs.frozen
class Usage:
    """What is billed for a month."""

    stored_bytes: int
    writes: int
    """Requests of class A: writes and listings."""
    reads: int
    """Requests of class B."""


@attrs.frozen
class Rate:
    """The price of one kind of unit."""

    unit: int
    """So many bytes, or requests, are one unit."""
    free_units: int
    dollars: Decimal
    """For each started unit beyond the free ones."""

    def price_of(self, amount: int) -> Decimal:
        """Returns the price of a number of bytes or requests."""
        return max(0, -(-amount // self.unit) - self.free_units) * self.dollars


@attrs.frozen
class Tariff:
    """The prices of a provider on a day."""

    provider: str
    date: str
    """Day on which the prices were read."""
    storage: Rate
    writes: Rate
    reads: Rate


R2 = Tariff(
    provider="Cloudflare R2",
    date="2026-11-20",
    storage=Rate(GB, 10, Decimal("0.015")),
    writes=Rate(MILLION, 1, Decimal("4.50")),
    reads=Rate(MILLION, 10, Decimal("0.36")),
)
"""Class Standard, https://developers.cloudflare.com/r2/pricing/. Traffic is free."""


@attrs.frozen
class Bill:
    """The price of a month, in dollars."""

    storage: Decimal
    writes: Decimal
    reads: Decimal

    @property
    def total(self) -> Decimal:
        """The sum, rounded up to the cent."""
        sum_ = self.storage + self.writes + self.reads
        return sum_.quantize(CENT, rounding="ROUND_UP")


def bill_for(usage: Usage, tariff: Tariff = R2) -> Bill:
    """Returns what a provider bills. Law: more of anything never costs less."""
    return Bill(
        tariff.storage.price_of(usage.stored_bytes),
        tariff.writes.price_of(usage.writes),
        tariff.reads.price_of(usage.reads),
    )
