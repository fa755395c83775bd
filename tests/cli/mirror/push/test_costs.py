"""What users read about the next push and a month."""

from pathlib import Path

from cli.mirror.push.costs import describe_month, describe_push
from eventlog.mirror.plan.lag import mirror_lag
from tests.eventlog.mirror.buckets import add_hour


def test_a_plan_names_objects_bytes_requests_by_class_and_the_price(tmp_path: Path) -> None:
    add_hour(tmp_path, -90 * 24)
    address = "s3://archive/a"
    push, month, stored, price = describe_push(tmp_path, address, mirror_lag(tmp_path, address))

    assert push.startswith("that is 4 objects, ") and push.endswith(
        "; 5 requests of class A, 1 of class B"
    )
    assert month.startswith(
        "a month, estimated from the last 30 days: 0 segments, 0 objects, 0.0 kB;"
    )
    assert stored.startswith("the mirror then stores ") and "each sync check takes " in stored
    assert price == (
        "$0.00 a month with the prices of Cloudflare R2 of 2026-11-20"
        " (class A: writes and listings)"
    )


def test_a_folder_has_no_price(tmp_path: Path) -> None:
    assert "$" not in describe_month(tmp_path, f"file://{tmp_path}/bucket")
    assert "$0.00 a month" in describe_month(tmp_path, "s3://archive")
