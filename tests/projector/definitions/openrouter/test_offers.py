"""Offers: endpoints with the presence of their model and the UUID that the site knows."""

from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

OFFERS = chosen("openrouter.offers")

SQL = """SELECT id, endpoint_uuid, model_is_listed, epoch_us(_model_absent_since)
FROM openrouter.offers ORDER BY id"""


def endpoint(id: str) -> Seen:
    return Seen("endpoint", id, {"tag": id.partition("#")[2].partition("~")[0], "model_id": "x"})


def on_site(uuid: str, model_id: str, tag: str) -> Seen:
    body = {"id": uuid, "model_variant_slug": model_id, "provider_slug": tag, "status": 0}
    return Seen("endpoint", uuid, body, "frontend")


def endpoints(hour: float, model_id: str, *seen: Seen) -> Page:
    return Page(hours(hour), seen, f"e{hour}", f"/models/{model_id}/endpoints", 1, True)


def offers(root, *pages: Page, definitions=OFFERS):
    write_log(root, "openrouter", WRITER, pages)
    assert update(root, definitions=definitions).failed == ()
    return list(run_query(root, SQL).rows)


def test_an_offer_says_that_its_model_is_absent(empty):
    pages = [
        Page(hours(0), [model("a/x", "X"), model("a/y", "Y")], "r0", "/models", 1, True),
        endpoints(0.1, "a/x", endpoint("a/x#t")),
        endpoints(0.2, "a/y", endpoint("a/y#t"), endpoint("a/y#u")),
        Page(hours(1), [model("a/y", "Y")], "r1", "/models", 1, True),
        endpoints(1.2, "a/y", endpoint("a/y#t")),
    ]

    assert offers(empty, *pages) == [
        ("a/x#t", None, False, hours(1)),
        ("a/y#t", None, True, None),
    ]
    assert list(run_query(empty, SQL, as_of=hours(0.5)).rows) == [
        ("a/x#t", None, True, None),
        ("a/y#t", None, True, None),
        ("a/y#u", None, True, None),
    ]


def test_whether_a_model_is_listed_is_null_if_no_list_ever_named_it(empty):
    assert offers(empty, endpoints(0, "a/x", endpoint("a/x#t"))) == [("a/x#t", None, None, None)]


def test_an_offer_has_a_uuid_if_model_and_tag_name_one_endpoint_of_the_api_and_of_the_site(empty):
    site = [on_site("u1", "a/x", "t"), on_site("u2", "a/x", "v"), on_site("u3", "a/x", "v")]
    offer_rows = offers(
        empty,
        endpoints(0, "a/x", endpoint("a/x#t"), endpoint("a/x#v"), endpoint("a/x#w")),
        endpoints(0.1, "a/y", endpoint("a/y#t"), endpoint("a/y#t~2")),
        Page(hours(0.2), [*site, on_site("u4", "a/y", "t")], "s", "/stats", 1, True),
    )

    assert [row[:2] for row in offer_rows] == [
        ("a/x#t", "u1"),
        ("a/x#v", None),
        ("a/x#w", None),
        ("a/y#t", None),
        ("a/y#t~2", None),
    ]


def test_the_authors_of_models_and_how_many_they_have(empty):
    pages = [
        Page(
            hours(0), [model("a/x", "X"), model("a/y", "Y"), model("b/z", "Z")], "r", "/m", 1, True
        ),
        Page(hours(1), [model("a/y", "Y"), model("~a/latest", "L")], "r1", "/m", 1, True),
    ]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=chosen("openrouter.authors"))
    sql = "SELECT author, models, models_ever, model_ids FROM openrouter.authors ORDER BY 1"

    assert list(run_query(empty, sql).rows) == [
        ("a", 2, 3, ["a/y", "~a/latest"]),
        ("b", 0, 1, None),
    ]


def test_uptime_has_a_row_per_change_of_an_endpoint_and_ends_when_it_is_absent(empty):
    def up(percent: float | None, status: int = 0, name: str = "") -> list[Seen]:
        body = {"tag": "t", "status": status, "uptime_last_30m": percent, "name": name}
        return [Seen("endpoint", "a/x#t", body)]

    seen_by_hour = [up(100), up(100, name="other"), up(97.5), up(97.5, -2), [], up(97.5, -2)]
    pages = [endpoints(n, "a/x", *seen) for n, seen in enumerate(seen_by_hour)]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=chosen("openrouter.uptime"))
    sql = """SELECT status, uptime_30m, epoch_us(valid_from), epoch_us(valid_to)
    FROM openrouter.uptime ORDER BY valid_from"""

    assert list(run_query(empty, sql).rows) == [
        (0, 100, hours(0), hours(2)),
        (0, 97.5, hours(2), hours(3)),
        (-2, 97.5, hours(3), hours(4)),
        (-2, 97.5, hours(5), None),
    ]


def test_the_model_of_an_endpoint_is_the_one_that_was_requested(empty):
    """The endpoints of an alias name another model in their bodies."""
    alias = Seen("endpoint", "~a/latest#t", {"tag": "t", "model_id": "a/x", "status": 0})
    bare = Seen("endpoint", "a/y#t", {"tag": "t", "status": 0})
    pages = [
        Page(hours(0), [model("~a/latest", "L"), model("a/y", "Y")], "r0", "/models", 1, True),
        endpoints(0.1, "~a/latest", alias),
        endpoints(0.2, "a/y", bare),
    ]
    definitions = chosen("openrouter.offers", "openrouter.uptime")
    assert [row[2] for row in offers(empty, *pages, definitions=definitions)] == [True, True]

    expected = [("a/y", None), ("~a/latest", "a/x")]
    for view in ("endpoints", "endpoints_versions", "offers", "uptime"):
        sql = f"SELECT model_id, canonical_model_id FROM openrouter.{view} ORDER BY 1"
        assert list(run_query(empty, sql).rows) == expected
