"""What a provider bills: started units beyond the free ones."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from eventlog.mirror.cost.prices import GB, MILLION, R2, Usage, bill_for

AMOUNTS = st.integers(0, 10**13)


def test_what_is_free_costs_nothing_and_the_next_unit_is_billed_whole() -> None:
    assert bill_for(Usage(10 * GB, MILLION, 10 * MILLION)).total == 0
    bill = bill_for(Usage(10 * GB + 1, MILLION + 1, 10 * MILLION + 1))
    assert (bill.storage, bill.writes, bill.reads) == (
        *(Decimal("0.015"), Decimal("4.50"), Decimal("0.36")),
    )
    assert bill.total == Decimal("4.88")  # rounded up to the cent
    terabyte = bill_for(Usage(1000 * GB, 80_190, 38_000))
    assert (terabyte.total, R2.date) == (Decimal("14.85"), "2026-11-20")


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_more_of_anything_never_costs_less(stored: int, writes: int, reads: int, more: int) -> None:
    total = bill_for(Usage(stored, writes, reads)).total

    assert bill_for(Usage(stored + more, writes, reads)).total >= total
    assert bill_for(Usage(stored, writes + more, reads)).total >= total
    assert bill_for(Usage(stored, writes, reads + more)).total >= total
