"""What a link of the bucket means for a folder. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum

import attrs

from eventlog.mirror.bucket.chain import LinkFacts
from eventlog.read.seq_ranges import KnownSeqs


class LinkState(Enum):
    """How a link of the bucket relates to a folder."""

    NEW = "new"
    """Nothing here has its name or its seqs."""
    HERE = "here"
    """The folder has the same link."""
    KEPT = "kept"
    """The loss was accepted on one side only: the folder keeps what it has."""
    CONFLICT = "conflict"
    """The folder has other events with its name or its seqs."""


@attrs.frozen
class LocalFiles:
    """What a folder has under the name of a segment."""

    manifest: bytes | None
    loss: bytes | None
    is_open: bool


def link_state(
    file: bytes, is_lost: bool, local: LocalFiles, known: Sequence[KnownSeqs], facts: LinkFacts
) -> LinkState:
    """Returns how a link relates to the folder.

    `file`: the manifest or the loss of the link; `known`: the seqs of its stream in the folder, in
    order, which matter only if the folder has nothing of its name.
    """
    same = local.loss if is_lost else local.manifest
    if same is not None:
        return LinkState.HERE if same == file else LinkState.CONFLICT
    if local.loss is not None or local.manifest is not None:
        return LinkState.KEPT
    return LinkState.CONFLICT if local.is_open or overlaps(known, facts) else LinkState.NEW


def overlaps(known: Sequence[KnownSeqs], facts: LinkFacts) -> bool:
    """Whether one of these segments, in seq order, contains a seq of a link."""
    count = bisect_right(known, facts.last_seq, key=lambda seqs: seqs.first_seq)
    return count > 0 and known[count - 1].last_seq >= facts.first_seq
