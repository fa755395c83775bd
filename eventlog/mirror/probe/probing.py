"""Probes a bucket: all questions in order, then their objects are deleted.

About 30 requests and 16 MB sent. An error of one probe is its outcome; if the bucket cannot be
reached, the others are left out.
"""

from collections.abc import Sequence

import attrs

from eventlog.clock import format_us
from eventlog.errors import HindlogError, Invalid, LocalResource, Refused, Unavailable
from eventlog.mirror.local.findings import Findings
from eventlog.mirror.probe.objects import (
    probe_archive_id,
    probe_delete,
    probe_last_record,
    probe_list_order,
    probe_put_once,
    probe_round_trip,
)
from eventlog.mirror.probe.policy import (
    probe_delete_history,
    probe_lifecycle,
    probe_open_uploads,
    probe_other_buckets,
    probe_pushers,
)
from eventlog.mirror.probe.target import BucketProbe, Outcome, ProbedBucket, Verdict, failed, warned
from eventlog.mirror.probe.transfers import (
    probe_checksum,
    probe_clock,
    probe_etag,
    probe_unequal_parts,
)

ETAGS = "ETag formula"
"""Name of the probe whose finding `OK` means that an ETag shows whether the bytes are right."""
ALL_PROBES = (
    BucketProbe("clock", probe_clock, only_s3=True, shows_reading=True),
    BucketProbe("archive", probe_archive_id, shows_reading=True),
    BucketProbe("last record", probe_last_record),
    BucketProbe("pushers", probe_pushers),
    BucketProbe("put and get", probe_round_trip, writes=True, shows_writing=True),
    BucketProbe("put once", probe_put_once, writes=True),
    BucketProbe("listing", probe_list_order, writes=True),
    BucketProbe("checksum", probe_checksum, only_s3=True, writes=True),
    BucketProbe(ETAGS, probe_etag, only_s3=True, writes=True),
    BucketProbe("unequal parts", probe_unequal_parts, only_s3=True, writes=True),
    BucketProbe("delete", probe_delete, writes=True),
    BucketProbe("lifecycle rules", probe_lifecycle, only_s3=True),
    BucketProbe("open uploads", probe_open_uploads, only_s3=True),
    BucketProbe("other buckets", probe_other_buckets, only_s3=True),
    BucketProbe("delete history", probe_delete_history, only_s3=True),
)


@attrs.frozen
class BucketFinding:
    """The outcome of a probe."""

    probe: str
    outcome: Outcome


async def run_probes(
    target: ProbedBucket, probes: Sequence[BucketProbe] = ALL_PROBES
) -> list[BucketFinding]:
    """Returns the outcome of each probe, in order. Changes nothing but objects of its own.

    Ends after the first probe that gets no answer, or shows that key or address is wrong.
    """
    results: list[BucketFinding] = []
    can_write = True
    for probe in probes:
        is_last = False
        if probe.only_s3 and target.requests is None:
            outcome = _left_out("only buckets have this")
        elif probe.writes and not can_write:
            outcome = _left_out("this key cannot write")
        else:
            try:
                outcome = await probe.run(target)
            except Refused as error:
                can_write = can_write and not probe.shows_writing
                is_last = probe.shows_reading
                outcome = _refused(error, probe)
            except (Unavailable, LocalResource) as error:
                is_last = True
                outcome = failed(error.what, error.hint)
            except HindlogError as error:
                is_last = probe.shows_reading and isinstance(error, Invalid)  # no bucket
                outcome = failed(error.what, error.hint)
        results.append(BucketFinding(probe.name, outcome))
        if is_last:
            break
    return results


def _left_out(reason: str) -> Outcome:
    return Outcome(Verdict.NOT_APPLICABLE, reason)


def _refused(error: Refused, probe: BucketProbe) -> Outcome:
    if probe.shows_writing:
        text = f"this key cannot write, so a push from here would be refused: {error.what}"
        return warned(text, "enough for sync pull, sync check and init --from")
    is_needed = probe.writes or probe.shows_reading
    return failed(error.what, error.hint) if is_needed else warned(error.what, error.hint)


def all_probes_ran(results: Sequence[BucketFinding]) -> bool:
    """Returns whether all probes were run, so that the findings may be kept."""
    return [result.probe for result in results] == [probe.name for probe in ALL_PROBES]


def findings_of(address: str, at: int, results: Sequence[BucketFinding]) -> Findings:
    """Returns the verdicts of the probes that applied."""
    verdicts = {result.probe: result.outcome.verdict for result in results}
    applied = {x: y.value for x, y in verdicts.items() if y is not Verdict.NOT_APPLICABLE}
    return Findings(address, format_us(at), applied)
