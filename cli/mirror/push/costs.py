"""Says what a push would put and what the mirror costs a month: `sync push --dry-run`, `doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.mirror.bucket import format_size
from cli.output.counts import count_of
from eventlog.clock import now_us

if TYPE_CHECKING:
    from eventlog.mirror.cost.month import MonthlyCost
    from eventlog.mirror.cost.traffic import Traffic
    from eventlog.mirror.plan.lag import MirrorLag


def describe_push(root: Path, address: str, lag: "MirrorLag") -> list[str]:
    """Returns lines about the next push and about a month."""
    from eventlog.mirror.cost.month import monthly_cost
    from eventlog.mirror.cost.traffic import traffic_of_push
    from eventlog.mirror.plan.lag import bucket_ledger

    ledger = bucket_ledger(root, address)
    push = traffic_of_push(lag.sizes, ledger.own.next if ledger else 0, is_first=ledger is None)
    cost = monthly_cost(root, ledger, now_us())
    days = f"{cost.days:.0f} day{'s' if cost.days >= 1.5 else ''}"
    seen = f"a month, estimated from the last {days}"
    month = f"{count_of(cost.segments, 'segment')}, {_puts(cost.added)}; {_requests(cost.added)}"
    stored = f"the mirror then stores {format_size(cost.stored_bytes)}"
    lines = [
        f"that is {_puts(push)}, without assets; {_requests(push)}",
        f"{seen}: {month}",
        f"{stored}; each sync check takes {_requests(cost.check)}",
    ]
    if _has_price(address):
        lines.append(f"{_price(cost)} (class A: writes and listings)")
    return lines


def describe_month(root: Path, address: str) -> str:
    """Returns one line about a month."""
    from eventlog.mirror.cost.month import monthly_cost
    from eventlog.mirror.plan.lag import bucket_ledger

    cost = monthly_cost(root, bucket_ledger(root, address), now_us())
    stored = f"the mirror stores {format_size(cost.stored_bytes)}"
    added = f"a month adds {_puts(cost.added)}; {_requests(cost.added)}"
    return f"{stored}; {added}" + (f"; {_price(cost)}" if _has_price(address) else "")


def _has_price(address: str) -> bool:
    return address.startswith("s3://")


def _price(cost: "MonthlyCost") -> str:
    from eventlog.mirror.cost.prices import R2, bill_for

    total = bill_for(cost.usage).total
    return f"${total:.2f} a month with the prices of {R2.provider} of {R2.date}"


def _puts(traffic: "Traffic") -> str:
    return f"{traffic.objects:,} objects, {format_size(traffic.size)}"


def _requests(traffic: "Traffic") -> str:
    return f"{traffic.writes:,} requests of class A, {traffic.reads:,} of class B"
