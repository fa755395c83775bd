"""Probes of what only S3 servers have, against responses of servers that lack it."""

from email.utils import format_datetime
from pathlib import Path

import pytest

from eventlog.clock import MINUTE, datetime_of
from eventlog.errors import Refused
from eventlog.mirror.probe.target import Verdict
from eventlog.mirror.probe.transfers import (
    PARTS,
    expected_etags,
    probe_checksum,
    probe_clock,
    probe_etag,
    probe_unequal_parts,
)
from eventlog.stores.s3.bodies import Parameters
from eventlog.stores.s3.faults import Fault
from tests.eventlog.making import START
from tests.eventlog.mirror.probe.probed import fault, probed, target_of


def test_clocks_may_differ_by_three_minutes(tmp_path: Path) -> None:
    def verdict(date: str) -> Verdict:
        response = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
        return probed(probe_clock, target_of(tmp_path, answer=lambda *_: response)).verdict

    for minutes, expected in ((0, "OK"), (3, "OK"), (-3, "OK"), (4, "FAIL"), (-4, "FAIL")):
        date = format_datetime(datetime_of(START + minutes * MINUTE), usegmt=True)
        assert verdict(date).value == expected
    assert verdict("yesterday") is Verdict.WARN


def test_a_server_must_refuse_a_wrong_checksum(tmp_path: Path) -> None:
    for response, expected in ((fault(400, "BadDigest"), "OK"), ({}, "FAIL")):
        target = target_of(tmp_path, answer=lambda *_, r=response: r)
        assert probed(probe_checksum, target).verdict.value == expected
    target = target_of(tmp_path, answer=lambda *_: fault(403, "AccessDenied"))
    with pytest.raises(Refused):
        probed(probe_checksum, target)


ETAGS = expected_etags(PARTS)


def test_etags_follow_the_formula_of_r2() -> None:
    [first, last, whole] = ETAGS

    assert (first, last) == ("79b281060d337b9b2b84ccf390adcf74", "65ac1a752e35e95450b3bf48891eee87")
    assert whole.endswith("-2")


@pytest.mark.parametrize(
    ("changes", "expected", "text"),
    [
        ({}, "OK", "can be continued"),
        ({"list_parts": fault(501, "NotImplemented")}, "WARN", "cannot be listed"),
        ({"list_parts": {"Parts": [{}]}}, "WARN", "cannot be listed"),
        ({"complete_multipart_upload": {"ETag": '"random"'}}, "WARN", "are not MD5"),
        ({"upload_part": {"ETag": '"random"'}}, "WARN", "are not MD5"),
    ],
)
def test_uploads_in_parts_are_listed_and_have_known_etags(
    tmp_path: Path, changes: dict[str, Parameters | Fault], expected: str, text: str
) -> None:
    def answer(operation: str, parameters: Parameters) -> Parameters | Fault:
        usual: Parameters = {
            "create_multipart_upload": {"UploadId": "7"},
            "upload_part": {"ETag": f'"{ETAGS[parameters.get("PartNumber", 1) - 1]}"'},
            "list_parts": {"Parts": [{}, {}]},
            "complete_multipart_upload": {"ETag": f'"{ETAGS[-1]}"'},
        }
        response: Parameters | Fault = {**usual, **changes}[operation]
        return response

    outcome = probed(probe_etag, target_of(tmp_path, answer=answer))
    assert outcome.verdict.value == expected and text in outcome.text


@pytest.mark.parametrize("failing", ["upload_part", "complete_multipart_upload"])
def test_an_upload_that_fails_is_ended(tmp_path: Path, failing: str) -> None:
    operations: list[str] = []

    def answer(operation: str, _parameters: Parameters) -> Parameters | Fault:
        operations.append(operation)
        if operation == failing:
            return fault(403, "AccessDenied")
        return {"UploadId": "7", "ETag": "x"}

    with pytest.raises(Refused):
        probed(probe_etag, target_of(tmp_path, answer=answer))
    assert operations[-1] == "abort_multipart_upload"


def test_parts_of_unequal_size_may_be_refused(tmp_path: Path) -> None:
    def answer(operation: str, _parameters: Parameters) -> Parameters | Fault:
        operations.append(operation)
        if operation == "complete_multipart_upload":
            return response
        return {"UploadId": "7", "ETag": "x"}

    for response, text in ((fault(400, "InvalidPart"), "are refused"), ({}, "are accepted")):
        operations: list[str] = []
        outcome = probed(probe_unequal_parts, target_of(tmp_path, answer=answer))
        assert outcome.verdict is Verdict.OK and text in outcome.text
        assert ("abort_multipart_upload" in operations) == isinstance(response, Fault)
