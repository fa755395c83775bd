"""Sequences of changes of a small log, as Hypothesis draws them."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.eventlog.catalog.changing_log import Step

_WITH_RUNS = (
    *("put_runs",) * 6,
    *("append", "hours_pass", "import_hours", "set_roles", "damage_sealed", "mend_sealed"),
)
_WRITING = ("append", "roll", "seal", "hours_pass", "import_hours", "import_group")
_OTHER = (
    *("remove_file", "prune", "remove_folder", "damage_manifest", "repair", "accept_loss"),
    *("copy_folder", "restore_folder", "step_clock"),
    *("save_catalog", "restore_catalog", "damage_catalog", "damage_catalog"),
)
_numbers = st.integers(0, 10_000)
_pauses_s = st.sampled_from([0, 1, 11, 60])


def _steps(names: Sequence[str]) -> st.SearchStrategy[list[Step]]:
    step = st.tuples(st.sampled_from(names), _numbers, _pauses_s)
    return st.lists(step, min_size=12, max_size=25)


steps = _steps([*_WRITING * 2, *_OTHER])
steps_with_runs = _steps([*_WITH_RUNS, *_OTHER])
