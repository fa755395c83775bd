"""What a link of the bucket means for a folder."""

from hypothesis import given
from hypothesis import strategies as st

from eventlog.format.paths import segment_at
from eventlog.mirror.bucket.chain import LinkFacts
from eventlog.mirror.pull.pull_plan import LinkState, LocalFiles, link_state, overlaps
from eventlog.read.seq_ranges import KnownSeqs
from tests.eventlog.making import SOURCE, START, WRITER

NAME = segment_at(SOURCE, WRITER, START, 0)
NOTHING = LocalFiles(None, None, False)


def facts(first: int, last: int) -> LinkFacts:
    return LinkFacts((SOURCE, WRITER), str(NAME), first, last, None, "")


@given(st.lists(st.integers(1, 4), max_size=6), st.integers(1, 20), st.integers(0, 5))
def test_overlapping_seqs_are_found_as_by_comparing_each(
    lengths: list[int], first: int, more: int
) -> None:
    known, seq = [], 1
    for number, length in enumerate(lengths):
        if number % 2:
            known.append(KnownSeqs(NAME, seq, seq + length - 1))
        seq += length
    taken = {n for seqs in known for n in range(seqs.first_seq, seqs.last_seq + 1)}

    assert overlaps(known, facts(first, first + more)) == bool(
        taken & set(range(first, first + more + 1))
    )


def test_a_link_is_new_here_kept_or_in_conflict() -> None:
    def state(local: LocalFiles, *known: KnownSeqs, lost: bool = False) -> LinkState:
        return link_state(b"file", lost, local, known, facts(3, 5))

    assert state(NOTHING) is LinkState.NEW
    assert state(NOTHING, KnownSeqs(NAME, 1, 2)) is LinkState.NEW
    assert state(NOTHING, KnownSeqs(NAME, 1, 3)) is LinkState.CONFLICT
    assert state(LocalFiles(None, None, True)) is LinkState.CONFLICT
    assert state(LocalFiles(b"file", None, False), KnownSeqs(NAME, 3, 5)) is LinkState.HERE
    assert state(LocalFiles(b"other", None, False)) is LinkState.CONFLICT
    assert state(LocalFiles(None, b"loss", False)) is LinkState.KEPT
    assert state(LocalFiles(b"manifest", None, False), lost=True) is LinkState.KEPT
    assert state(LocalFiles(None, b"file", False), lost=True) is LinkState.HERE
