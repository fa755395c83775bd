"""Plans of faults: their text, their rates, and the effect of each fault."""

import json
import zlib
from collections import Counter
from email.utils import parsedate_to_datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.simulator.catalog import Answer, World
from fetcher.simulator.faults.delivery import BOMB_BYTES, Sending, asked_at, spoil
from fetcher.simulator.faults.hostile_bodies import HOSTILE, ODD_IDS
from fetcher.simulator.faults.plan import FORMS, NO_FAULTS, Fault, choose, parse_faults
from fetcher.simulator.world.rhythms import SECOND
from tests.extent import few_or_all
from tests.simulator.requesting import NOW, OR, C, get

WORLD = World(5, 20, 20)
LIST = get(WORLD, f"{C}/models")


def spoilt(kind: str, form: str = "", seconds: float = 1.0, path: str = f"{C}/models") -> Sending:
    return spoil(LIST, Fault(kind, form, seconds, 4), path, NOW, "http://other.test")


def test_the_empty_text_and_none_are_no_faults() -> None:
    assert parse_faults("") == parse_faults("none") == NO_FAULTS


@pytest.mark.parametrize(
    ("text", "invalid", "accepted"),
    [
        ("420:0.1", "'420'", "hostile"),
        ("429", "'429'", "kind:rate"),
        ("429:often", "'often'", "a rate"),
        ("429:1.5", "1.5", "0 to 1"),
        ("429:-1", "'-1'", "0 or more"),
        ("429:nan", "'nan'", "a rate"),
        ("hostile.rude:0.1", "'rude'", "surrogate"),
        ("cut.deep:0.1", "'deep'", "no forms"),
        ("429:0.6,503:0.6", "1.2", "at most 1"),
        ("429@/models", "'429@/models'", "#n"),
        ("429@/models#first", "#first", "n from 1"),
        ("stall:0.1:long", "'long'", "seconds"),
    ],
)
def test_an_invalid_plan_is_refused_with_the_invalid_part_and_what_is_accepted(
    text: str, invalid: str, accepted: str
) -> None:
    with pytest.raises(ValueError, match="accepted") as error:
        parse_faults(text)

    assert invalid in str(error.value)
    assert accepted in str(error.value)


@pytest.mark.parametrize("kind", FORMS)
def test_every_kind_can_be_planned_by_rate_and_by_script(kind: str) -> None:
    by_rate = choose(parse_faults(f"{kind}:1"), 0, "/x?cursor=1", 1)
    by_script = choose(parse_faults(f"{kind}@/x#1"), 0, "/x?cursor=1", 1)

    assert by_rate is not None and by_script is not None
    assert by_rate.kind == by_script.kind == kind


@given(st.integers(), st.text(), st.integers(1, 99))
def test_a_plan_gives_a_request_always_the_same_fault(seed: int, address: str, nth: int) -> None:
    faults = parse_faults("429:0.3,hostile:0.3,slow:0.3")

    assert choose(faults, seed, address, nth) == choose(faults, seed, address, nth)


def test_the_share_of_faulty_requests_approaches_the_rate() -> None:
    faults = parse_faults("429:0.2,503:0.1")
    counts = Counter(
        fault.kind if fault else "" for n in range(5000) for fault in [choose(faults, 1, "/x", n)]
    )

    assert 0.17 < counts["429"] / 5000 < 0.23
    assert 0.08 < counts["503"] / 5000 < 0.12
    assert counts[""] > 3000


def test_a_script_affects_the_nth_request_to_each_matching_address() -> None:
    faults = parse_faults(f"html@{C}/models*#2,429.days@{OR}/models#*")
    first = choose(faults, 0, f"{C}/models?limit=3", 1)
    second = choose(faults, 0, f"{C}/models?limit=3", 2)
    always = [choose(faults, 0, f"{OR}/models?offset=2", n) for n in (1, 2, 3)]

    assert first is None
    assert second is not None and second.kind == "html"
    assert [a.form for a in always if a] == ["days"] * 3


def test_an_invalid_cursor_affects_only_requests_with_a_cursor() -> None:
    assert choose(parse_faults("cursor:1"), 0, f"{C}/models", 1) is None
    assert choose(parse_faults("cursor:1"), 0, f"{C}/models?cursor=1", 1) is not None


def test_without_a_fault_the_answer_is_sent_as_it_is() -> None:
    assert spoil(LIST, None, "/x", NOW, "") == Sending(LIST)


def test_an_error_response_gets_no_further_fault() -> None:
    error = Answer(404, b"{}")

    assert spoil(error, Fault("torn", "", 0, 1), "/x", NOW, "") == Sending(error)


def test_a_429_has_every_form_of_retry_after() -> None:
    waits = {
        form: dict(spoilt("429", form).answer.headers).get("Retry-After") for form in FORMS["429"]
    }

    assert waits["bare"] is None
    assert waits["seconds"] == "1"
    assert waits["negative"] == "-5"
    assert int(waits["days"] or 0) > 86_400
    assert parsedate_to_datetime(waits["date"] or "").timestamp() == NOW // SECOND + 2


@pytest.mark.parametrize("kind", ["404", "429", "500", "502", "503", "504", "520"])
def test_a_kind_that_is_a_status_is_sent_with_that_status(kind: str) -> None:
    for form in FORMS[kind] or ("",):
        answer = spoilt(kind, form).answer
        assert answer.status == int(kind)
        assert answer.content_type.startswith("text/html" if form == "html" else "application/json")


def test_a_wall_of_html_has_status_200() -> None:
    answer = spoilt("html").answer

    assert (answer.status, answer.content_type[:9]) == (200, "text/html")


def test_a_cut_body_is_shorter_than_announced_and_a_torn_one_is_not() -> None:
    cut, torn = spoilt("cut"), spoilt("torn")

    assert cut.promised_bytes == len(LIST.body) > len(cut.answer.body)
    assert torn.promised_bytes is None
    assert LIST.body.startswith(torn.answer.body) and len(torn.answer.body) < len(LIST.body)


def test_a_wrong_length_announces_less_than_is_sent() -> None:
    sending = spoilt("wronglength")

    assert sending.answer.body == LIST.body
    assert (sending.promised_bytes or 0) < len(LIST.body)


def test_a_redirect_points_to_the_same_path_of_another_origin() -> None:
    answer = spoilt("redirect").answer

    assert answer.status == 302
    assert dict(answer.headers)["Location"] == f"http://other.test{C}/models"


def test_a_stale_answer_is_older_and_has_an_age_header() -> None:
    fault = Fault("stale", "", 300.0, 1)

    assert asked_at(fault, NOW) == NOW - 300 * SECOND
    assert dict(spoilt("stale", seconds=300).answer.headers)["Age"] == "300"


def test_a_repeating_page_has_one_item_twice() -> None:
    ids = [item["id"] for item in orjson.loads(spoilt("repeat").answer.body)["items"]]

    assert len(ids) == len(set(ids)) + 1


def test_an_empty_page_has_status_200_and_no_entities() -> None:
    assert spoilt("empty").answer.body == b'{"items":[],"metadata":{}}'


def test_drift_is_a_new_key_or_a_number_that_became_a_string() -> None:
    keyed = orjson.loads(spoilt("drift", "key").answer.body)["items"]
    numbered = orjson.loads(spoilt("drift", "number").answer.body)["items"]

    assert all("rolloutCohort" in item for item in keyed)
    assert all(isinstance(item["nsfwLevel"], str) for item in numbered)


def test_a_body_of_an_error_has_status_200() -> None:
    answer = spoilt("errorbody").answer

    assert answer.status == 200
    assert orjson.loads(answer.body) == {"error": "No workers are available."}


@pytest.mark.parametrize("form", ODD_IDS)
def test_an_odd_id_replaces_one_number_and_the_other_entities_are_unchanged(form: str) -> None:
    items = orjson.loads(LIST.body)["items"]
    expected = json.loads(ODD_IDS[form])

    odd = json.loads(spoilt("oddid", form).answer.body)["items"]

    (change,) = [pair for pair in zip(items, odd, strict=True) if pair[0] != pair[1]]
    before, after = (change[0]["modelVersions"], change[1]["modelVersions"])
    ids = [version["id"] for version in after] if form == "nested" else [change[1]["id"]]
    assert expected in ids
    assert (before == after) == (form != "nested")


def test_a_listing_without_numbers_for_ids_has_no_odd_ids() -> None:
    answer = get(WORLD, f"{OR}/models")

    assert spoil(answer, Fault("oddid", "text", 0, 1), OR, NOW, "") == Sending(answer)


@pytest.mark.parametrize("defect", HOSTILE)
@settings(max_examples=few_or_all(10, 50))
@given(choice=st.integers(0, 2**64 - 1))
def test_a_hostile_page_has_the_defect_in_one_item_and_the_others_are_unchanged(
    defect: str, choice: int
) -> None:
    body = spoil(LIST, Fault("hostile", defect, 0, choice), C, NOW, "").answer.body
    items = orjson.loads(LIST.body)["items"]
    kept = [orjson.dumps(item) in body for item in items]

    assert body.replace(HOSTILE[defect] + b",", b"") == LIST.body
    assert body.count(HOSTILE[defect]) == 1
    assert kept.count(False) == 1


@pytest.mark.parametrize("defect", ["surrogate", "utf8", "control", "exponent"])
def test_a_strict_parser_notices_a_hostile_page(defect: str) -> None:
    body = spoilt("hostile", defect).answer.body

    with pytest.raises((ValueError, UnicodeError)):
        json.dumps(orjson.loads(body), allow_nan=False).encode()


def test_every_listing_can_be_made_hostile() -> None:
    model = orjson.loads(get(WORLD, f"{OR}/models").body)["data"][0]["id"]
    for path in (f"{OR}/models", f"{C}/images", f"{OR}/models/{model}/endpoints", f"{C}/tags"):
        answer = get(WORLD, path)
        body = spoil(answer, Fault("hostile", "nan", 0, 1), path, NOW, "").answer.body
        assert body.replace(HOSTILE["nan"] + b",", b"") == answer.body != body


def test_a_gzip_bomb_is_small_and_valid_and_unpacks_to_300_mib() -> None:
    sending = spoilt("gzipbomb")
    unpack, size, rest = zlib.decompressobj(31), 0, sending.answer.body
    while not unpack.eof:
        size += len(unpack.decompress(rest, 2**20))
        rest = unpack.unconsumed_tail

    assert sending.encoded
    assert len(sending.answer.body) < 400_000
    assert size == BOMB_BYTES + 2
