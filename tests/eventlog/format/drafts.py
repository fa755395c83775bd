"""Random drafts of events, and their lines."""

from hypothesis import strategies as st

from eventlog.format.event import KINDS, Draft
from eventlog.format.event_codec import encode
from tests.eventlog.making import SOURCE, WRITER

AT = "2026-11-21T05:00:00.000001Z"
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
optional = st.none() | texts
drafts = st.builds(
    Draft,
    kind=st.sampled_from(KINDS),
    run=optional,
    epoch=optional,
    type=optional,
    id=optional,
    parent_type=optional,
    parent_id=optional,
    shape=optional,
    endpoint=optional,
    params=st.dictionaries(texts, texts, max_size=2),
    hash=optional,
    members=st.fixed_dictionaries(
        {},
        optional={
            "url": texts,
            "status": st.integers(100, 599),
            "state": texts,
            "reason": texts,
            "something_new": st.integers(-9, 9) | texts,
        },
    ),
    body_raw=st.none() | st.binary(max_size=9),
    body=st.none() | st.sampled_from([b"{}", b"[1.10,1e400]", b'"\\u00e9"', b"null", b"-0"]),
)


def line_of(draft: Draft, seq: int = 7) -> bytes:
    """Returns the line of an event, observed at `AT`."""
    return encode(draft, source=SOURCE, writer=WRITER, seq=seq, observed_at=AT)
