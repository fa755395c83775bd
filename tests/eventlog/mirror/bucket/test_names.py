"""Names of objects: parsing and formatting are inverse, and nothing else is recognized."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.format.paths import (
    LOSS,
    MANIFEST,
    SEALED,
    SegmentName,
    asset_path,
    manifest_path,
)
from eventlog.mirror.bucket.names import (
    ROLLUP_SIZES,
    ArchiveObject,
    AssetObject,
    ObjectName,
    RecordObject,
    RollUpObject,
    SegmentObject,
    parse_object_name,
    records_prefix,
    redacted_name,
)

segments = st.builds(
    SegmentName,
    st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True),
    st.dates().map(lambda date: date.isoformat()),
    st.integers(0, 23).map("{:02d}".format),
    st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    st.integers(0, 99_999),
)
pushers = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
numbers = st.integers(0, 9_999_999_999)
names: st.SearchStrategy[ObjectName] = st.one_of(
    st.just(ArchiveObject()),
    st.builds(SegmentObject, segments, st.sampled_from([SEALED, MANIFEST, LOSS])),
    st.builds(AssetObject, st.from_regex(r"[0-9a-f]{64}", fullmatch=True)),
    st.builds(RecordObject, pushers, numbers),
    st.builds(
        lambda pusher, number, size: RollUpObject(pusher, number // size * size, size),
        pushers,
        numbers,
        st.sampled_from(ROLLUP_SIZES),
    ),
)


@given(names)
def test_the_name_of_an_object_is_parsed_as_it_was_formatted(name: ObjectName) -> None:
    assert parse_object_name(str(name)) == name


@given(names, st.text(min_size=1, max_size=3), st.integers(0, 200))
def test_a_changed_name_is_another_name_or_none(name: ObjectName, added: str, at: int) -> None:
    text = str(name)
    changed = text[:at] + added + text[at:]
    parsed = parse_object_name(changed)

    assert parsed is None or (str(parsed) == changed and parsed != name)


@given(names, names)
def test_two_objects_never_have_one_name(left: ObjectName, right: ObjectName) -> None:
    assert (str(left) == str(right)) == (left == right)


@given(segments)
def test_an_object_has_the_path_of_its_file_below_the_archive(segment: SegmentName) -> None:
    root = Path("/archive")

    assert root / str(SegmentObject(segment, MANIFEST)) == manifest_path(root, segment)
    assert root / str(AssetObject("ab" * 32)) == asset_path(root, "ab" * 32)


@given(pushers, numbers, numbers)
def test_records_are_listed_in_the_order_of_their_numbers(
    pusher: str, left: int, right: int
) -> None:
    texts = [str(RecordObject(pusher, number)) for number in (left, right)]

    assert (texts[0] < texts[1]) == (left < right)
    assert all(text.startswith(records_prefix(pusher)) for text in texts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hindlog.json/",
        "/hindlog.json",
        "log/openrouter/2026-11-21/05-1a2b3c4d-000.ndjson",
        "log/log/openrouter/2026-11-21/05-1a2b3c4d-000.manifest.json",
        "openrouter/2026-11-21/05-1a2b3c4d-000.manifest.json",
        "log/openrouter/2026-11-31/05-1a2b3c4d-000.manifest.json",
        "log/openrouter/2026-11-21/05-1a2b3c4d-000.manifest.json.manifest.json",
        "log/openrouter/2026-11-21/05-1a2b3c4d-000",
        "log/openrouter/2026-11-21/٠5-1a2b3c4d-000.manifest.json",
        "assets/sha256/ab/" + "cd" * 32,
        "mirror/aa000001/42.json",
        "mirror/aa000001/0000000001.64.ndjson.zst",
        "mirror/aa000001/0000000064.4096.ndjson.zst",
        "mirror/aa000001/0000000064.128.ndjson.zst",
        "mirror/aa000001/000000000٤.json",
    ],
)
def test_anything_else_is_no_object_of_a_mirror(text: str) -> None:
    assert parse_object_name(text) is None


def test_the_reserved_names_of_redactions_name_the_file_that_they_replace() -> None:
    name = "log/openrouter/2026-11-21/05-1a2b3c4d-000"

    for suffix in (SEALED, MANIFEST):
        replaced = redacted_name(f"{name}.r12{suffix}")
        assert str(replaced) == f"{name}{suffix}"
        assert parse_object_name(f"{name}.r12{suffix}") is None
        assert redacted_name(f"{name}{suffix}") is None
    assert redacted_name(f"{name}.r1{LOSS}") is None
    assert redacted_name("mirror/aa000001/0000000000.r1.ndjson.zst") is None
