"""Probes of what may happen to the objects of a mirror: rules of the bucket, rights of the key."""

from collections.abc import Sequence
from typing import Any

from eventlog.clock import DAY, format_short, instant_at, parse_us
from eventlog.errors import NotFound
from eventlog.mirror.bucket.names import ASSETS, LOG, RECORDS, RecordObject
from eventlog.mirror.bucket.record import parse_record
from eventlog.mirror.history.read_log import find_pushers
from eventlog.mirror.probe.target import (
    Outcome,
    ProbedBucket,
    failed,
    passed,
    require_response,
    warned,
)
from eventlog.stores.s3.faults import Fault

HISTORY = (LOG, RECORDS, ASSETS)
"""Prefixes of objects that must stay for ever."""
ENDED_US = 7 * DAY
"""A pusher whose last record is older than this has ended."""
MANY_ENDED = 8
"""More pushers that ended mean that each start makes a new one."""
NO_RULES = {"NoSuchLifecycleConfiguration", "NoSuchLifecycle"}

LifecycleRule = dict[str, Any]
"""A lifecycle rule, as the S3 API describes it."""


async def probe_lifecycle(target: ProbedBucket) -> Outcome:
    """Reads the lifecycle rules of the bucket."""
    requests = target.s3()
    request = {"Bucket": requests.bucket}
    response = await requests.send("get_bucket_lifecycle_configuration", request, None)
    if isinstance(response, Fault):
        if response.code in NO_RULES or response.status == 404:
            return passed("the bucket has no lifecycle rules")
        return warned(
            f"the lifecycle rules cannot be read with this key ({response.code})",
            f"check that none deletes below {', '.join(requests.prefix + x for x in HISTORY)}",
        )
    rules = response.get("Rules", [])
    deleting = [
        f"{rule.get('ID') or 'without name'} ({prefix})"
        for prefix in HISTORY
        for rule in deleting_rules(rules, requests.prefix + prefix)
    ]
    if deleting:
        return failed(
            f"lifecycle rules delete what must stay: {', '.join(deleting)}",
            "remove these rules, or give them a prefix such as live/ or probe/",
        )
    return passed(f"{len(rules)} lifecycle rules, none of which deletes history")


def deleting_rules(rules: Sequence[LifecycleRule], prefix: str) -> list[LifecycleRule]:
    """Returns the rules that are enabled and delete an object whose name begins with a prefix.

    Rules with a tag do not count: hindlog gives no tags.
    """
    return [
        rule
        for rule in rules
        if rule.get("Status") == "Enabled"
        and {"Days", "Date"} & rule.get("Expiration", {}).keys()
        and _reaches(rule, prefix)
    ]


def _reaches(rule: LifecycleRule, prefix: str) -> bool:
    condition: LifecycleRule = rule.get("Filter") or {}
    condition = condition.get("And", condition)
    if condition.get("Tag") or condition.get("Tags"):
        return False
    of_rule = condition.get("Prefix", rule.get("Prefix")) or ""
    return bool(prefix.startswith(of_rule) or of_rule.startswith(prefix))


async def probe_open_uploads(target: ProbedBucket) -> Outcome:
    """Lists the uploads in parts that were begun and neither completed nor ended."""
    requests = target.s3()
    request = {"Bucket": requests.bucket, "Prefix": requests.prefix}
    response = require_response(await requests.send("list_multipart_uploads", request, None))
    begun = [instant_at(upload["Initiated"]) for upload in response.get("Uploads", ())]
    old = [instant for instant in begun if target.now - instant > DAY]
    if not old:
        return passed("no upload was left open for more than a day")
    more = " or more" if response.get("IsTruncated") else ""
    return warned(
        f"{len(old)}{more} uploads were left open, the first one at {format_short(min(old))}; their"
        " parts are billed",
        "a lifecycle rule that ends incomplete uploads after 7 days; R2 has it by default",
    )


async def probe_other_buckets(target: ProbedBucket) -> Outcome:
    """Lists the buckets that the key reaches."""
    response = await target.s3().send("list_buckets", {}, None)
    if isinstance(response, Fault):
        return passed("the key cannot list other buckets")
    others = [x["Name"] for x in response.get("Buckets", ()) if x["Name"] != target.s3().bucket]
    if not others:
        return passed("the key reaches no other bucket")
    return warned(
        f"the key reaches {len(others)} other buckets, such as {others[0]}",
        "a key for this bucket only: docs/mirror.md",
    )


async def probe_delete_history(target: ProbedBucket) -> Outcome:
    """Asks to delete an object of the log that does not exist."""
    requests = target.s3()
    name = f"{LOG}.probe-{target.token}"
    response = await requests.send("delete_object", requests.about(name), None)
    if isinstance(response, Fault):
        if response.status == 403:
            return passed("the key cannot delete history")
        require_response(response)
    return warned(
        "this key can delete history, unless a bucket lock protects it, which no request shows",
        "a key that may not delete, or a bucket lock on log/, mirror/ and assets/: docs/mirror.md",
    )


async def probe_pushers(target: ProbedBucket) -> Outcome:
    """Reads the last record of each pusher that this folder knows."""
    pushers = await find_pushers(target.store)
    known = target.ledger.pushers if target.ledger else {}
    ended = []
    for pusher in pushers:
        if pusher not in known or not known[pusher].next:
            continue
        name = str(RecordObject(pusher, known[pusher].next - 1))
        try:
            record = parse_record(await target.store.get(name, None), name)
        except NotFound:
            return failed(f"{name}: missing: the bucket was rolled back", "hindlog sync check")
        if target.now - parse_us(record.at) > ENDED_US:
            ended.append(f"{pusher} of {record.host}, last at {record.at[:16]}Z")
    text = f"{len(pushers)} in the bucket; put nothing for 7 days: {len(ended)}"
    if len(ended) > MANY_ENDED:
        return warned(
            f"{text}; each start seems to make a new one, such as {ended[-1]}",
            "set HINDLOG_MACHINE where the name of the machine changes, as in containers",
        )
    return passed("; ".join([text, *ended]))
